#include <switchboard/slot.hpp>

#include <algorithm>
#include <cassert>
#include <exception>
#include <limits>
#include <utility>

#include "in_memory_resource.hpp"
#include "slot_data.hpp"

namespace switchboard {

namespace {
constexpr std::size_t kWorthTrimming = 4096;  // bytes of memory that a shorter tail may hold
}

struct Slot::Kept {
    explicit Kept(std::pmr::memory_resource* memory) : tail(memory) {}

    detail::BytesInResource tail;
    std::size_t used = 0;  // leading bytes of the tail that the handler took already
    std::unique_ptr<Protocol> next;
    std::string failure;

    std::pmr::memory_resource* memory() const { return tail.get_allocator().resource(); }
    MutableBytes rest() {
        return MutableBytes(reinterpret_cast<std::byte*>(tail.data()), tail.size()).subspan(used);
    }
    bool empty() const { return used == tail.size() && !next && failure.empty(); }
    // An idle connection must not hold the memory of the long read its tail came with.
    void trim() {
        const auto left = rest();
        if (tail.capacity() < kWorthTrimming || left.size() > tail.capacity() / 4) return;
        detail::BytesInResource(as_text(left), memory()).swap(tail);
        used = 0;
    }
};

Slot::Slot(std::unique_ptr<Protocol> protocol, std::size_t max_unread) noexcept
    : protocol_(std::move(protocol)),
      max_unread_(static_cast<std::uint32_t>(
          std::min<std::size_t>(max_unread, std::numeric_limits<std::uint32_t>::max()))) {}
Slot::Slot(Slot&&) noexcept = default;
Slot& Slot::operator=(Slot&&) noexcept = default;
Slot::~Slot() = default;

void Slot::DestroyKept::operator()(Kept* kept) const noexcept {
    detail::DestroyInResource<Kept>()(kept);
}

Slot::Kept& Slot::kept(const Connection& connection) {
    if (!kept_) kept_.reset(detail::make_in<Kept>(connection.memory()));
    set(kKept);
    return *kept_;
}

void Slot::drop_kept() noexcept {
    kept_.reset();
    clear(kKept);
}

std::size_t Slot::unread() const noexcept {
    return kept_ ? kept_->tail.size() - kept_->used : 0;
}

bool Slot::has_work() const noexcept {
    return kept_ && !ended() && (kept_->next || (unread() > 0 && (flags_ & (kHeld | kWants)) == 0));
}

const std::string& Slot::failure() const noexcept {
    static const std::string none;
    return kept_ ? kept_->failure : none;
}

// Runs one callback; if it throws, the connection is aborted.
template <class Callback>
void Slot::guarded(Connection& connection, const char* name, Callback&& callback) {
    assert(!running() && "callbacks do not nest");
    set(kRunning);
    try {
        callback();
        clear(kRunning);
    } catch (...) {
        caught(connection, name);
    }
}

void Slot::caught(Connection& connection, const char* name) noexcept {
    try {
        throw;
    } catch (const std::exception& e) {
        fail(connection, [&] { return std::string(name) + " threw: " + e.what(); });
    } catch (...) {
        fail(connection, [&] { return std::string(name) + " threw"; });
    }
}

template <class Text>
void Slot::fail(Connection& connection, const Text& why) noexcept {
    clear(kRunning);
    end();
    try {
        kept(connection).failure = why();
    } catch (...) {  // it fails without a word, if there is no memory for one
    }
    connection.abort(errc::handler_failed);
}

std::size_t Slot::call_data(Connection& connection, MutableBytes in) {
    std::size_t used = 0;
    guarded(connection, "on_data", [&] { used = protocol_->on_data(connection, in); });
    return checked(connection, used, in.size());
}

std::size_t Slot::checked(Connection& connection, std::size_t used, std::size_t offered) {
    if (used <= offered) [[likely]]
        return used;
    fail(connection, [&] {
        return "on_data used " + std::to_string(used) + " of " + std::to_string(offered) + " bytes";
    });
    return offered;
}

// Whether the rest may be offered at once: not if the handler used nothing and waits for more, but
// that protocols switched counts as progress.
bool Slot::wants_more(Connection& connection, std::size_t used) {
    const bool switched = settle(connection);
    if (used > 0 || switched) return true;
    if (!held()) set(kWants);
    return false;
}

// Offers until the handler wants more than there is or may not be offered any; answers what was
// used. A handler that switches protocols leaves the rest to the next one.
std::size_t Slot::offer(Connection& connection, MutableBytes in) {
    std::size_t total = 0;
    while (total < in.size() && (flags_ & (kHeld | kEnded)) == 0) {
        const std::size_t used = call_data(connection, in.subspan(total));
        total += used;
        if (!wants_more(connection, used)) break;
    }
    return total;
}

// What is left although the handler may be offered it is what the handler waits to see completed.
void Slot::check_unread(Connection& connection) {
    if (unread() <= max_unread_ || held() || ended()) return;
    end();
    connection.abort(errc::message_too_large);
}

void Slot::keep(const Connection& connection, Bytes rest) {
    Kept& k = kept(connection);
    k.tail.erase(0, k.used);
    k.used = 0;
    k.tail.append(as_text(rest));
}

void Slot::keep_unused(Connection& connection, Bytes rest) {
    if (rest.empty()) return;
    if (ended()) return set(kCut);
    keep(connection, rest);
    check_unread(connection);
}

void Slot::offer_kept(Connection& connection) {
    const std::size_t used = offer(connection, kept_->rest());
    kept_->used += used;
    check_unread(connection);
    if (kept_->empty()) return drop_kept();
    kept_->trim();
}

// The next protocol starts afresh: what the old one paused, armed or was told is not its own. If the
// old one ends the connection in its last callback, the next is never opened, and so hears nothing.
void Slot::replace(Connection& connection) {
    auto old = std::exchange(protocol_, std::move(kept_->next));
    set(kRunning);
    old->on_close({});
    old.reset();
    clear(kRunning);
    if (ended()) return protocol_.reset();
    clear(static_cast<unsigned>(Hold::handler) | kWants | kEof | kFull);
    if (held(Hold::backpressure)) hold(Hold::backpressure);  // as the next one minds it
    connection.set_deadline(Clock::time_point::max());
    guarded(connection, "on_open", [&] { protocol_->on_open(connection); });
    if (stopping() && !ended()) call_stop(connection);
}

void Slot::call_stop(Connection& connection) {
    guarded(connection, "on_stop", [&] { protocol_->on_stop(connection); });
}

// Puts the next protocol in its place, if one was asked for.
bool Slot::settle(Connection& connection) {
    if (!kept_ || !kept_->next) [[likely]]
        return false;
    while (kept_->next && !ended()) replace(connection);
    if (kept_->tail.empty() && kept_->empty()) drop_kept();
    return true;
}

// After any callback but on_data: the switch it asked for, and the bytes that may go on now.
void Slot::proceed(Connection& connection) {
    settle(connection);
    if (unread() > 0 && (flags_ & (kHeld | kEnded | kWants)) == 0) offer_kept(connection);
}

// Any callback but on_data. A switch asked for from outside comes before it, and instead of it:
// what happened was the old protocol's.
template <class Callback>
void Slot::event(Connection& connection, const char* name, Callback&& callback) {
    assert(is_open());
    if (ended()) return;
    if (!settle(connection)) guarded(connection, name, callback);
    proceed(connection);
}

// A switch asked for before this waits for on_open: without it on_close({}) would be out of order.
void Slot::open(Connection& connection) {
    assert(!is_open() && protocol_);
    set(kOpen);
    if (ended()) return;
    guarded(connection, "on_open", [&] { protocol_->on_open(connection); });
    proceed(connection);
}

void Slot::data_after_tail(Connection& connection, Bytes in) {
    settle(connection);
    if (ended()) return;
    keep(connection, in);
    clear(kWants);
    if (!held()) offer_kept(connection);
}

void Slot::data(Connection& connection, MutableBytes in) {
    assert(is_open() && !running());
    if (!detail::SlotData::plain(*this)) return data_otherwise(connection, in);
    std::size_t used = 0;
    set(kRunning);
    try {
        used = protocol_->on_data(connection, in);
    } catch (...) {
        return caught(connection, "on_data");
    }
    clear(kRunning);
    if (used != in.size() || !detail::SlotData::plain(*this)) data_used(connection, in, used);
}

void Slot::data_otherwise(Connection& connection, MutableBytes in) {
    if (ended()) return;
    if (kept_) return data_after_tail(connection, in);
    const std::size_t used = offer(connection, in);
    keep_unused(connection, in.subspan(used));
}

// Goes on after a first callback that used less than all, or asked for something.
void Slot::data_used(Connection& connection, MutableBytes in, std::size_t used) {
    used = checked(connection, used, in.size());
    if (wants_more(connection, used)) used += offer(connection, in.subspan(used));
    keep_unused(connection, in.subspan(used));
}

void Slot::resume(Connection& connection) {
    clear(kWants);
    event(connection, "on_resume", [&] { protocol_->on_resume(connection); });
}

void Slot::drain(Connection& connection) {
    event(connection, "on_drain", [&] { protocol_->on_drain(connection); });
}

void Slot::eof(Connection& connection) {
    if (saw_eof()) return;
    event(connection, "on_eof", [&] {
        set(kEof);
        protocol_->on_eof(connection);
    });
}

void Slot::deadline(Connection& connection) {
    event(connection, "on_deadline", [&] { protocol_->on_deadline(connection); });
}

void Slot::stop(Connection& connection) {
    assert(is_open());
    if (stopping() || ended()) return;
    settle(connection);
    set(kStopping);
    if (!ended()) call_stop(connection);
    proceed(connection);
}

void Slot::close(std::error_code reason) noexcept {
    assert(!running() && "a driver closes between callbacks");
    end();
    if (kept_) {
        detail::BytesInResource(kept_->memory()).swap(kept_->tail);  // clear() keeps the memory
        kept_->used = 0;
        kept_->next.reset();
    }
    set(kRunning);
    if (const auto protocol = std::move(protocol_)) protocol->on_close(reason);
    clear(kRunning);
}

void Slot::switch_to(Connection& connection, std::unique_ptr<Protocol> next) {
    assert(next);
    if (!ended()) kept(connection).next = std::move(next);
}

}  // namespace switchboard
