#include <switchboard/driver/protocol_runner.hpp>

#include <algorithm>
#include <cassert>
#include <exception>
#include <limits>
#include <utility>

#include "base/pmr_object.hpp"
#include "protocol_runner_data.hpp"

namespace switchboard {

namespace {
constexpr std::size_t kWorthTrimming = 4096;  // bytes of memory that a short tail may keep
}

struct ProtocolRunner::RareState {
    explicit RareState(std::pmr::memory_resource* memory) : tail(memory) {}

    detail::BytesInResource tail;
    std::size_t used = 0;  // leading bytes of the tail that the handler has used
    std::unique_ptr<Protocol> next;
    std::string failure;

    std::pmr::memory_resource* memory() const { return tail.get_allocator().resource(); }
    MutableBytes rest() {
        return MutableBytes(reinterpret_cast<std::byte*>(tail.data()), tail.size()).subspan(used);
    }
    bool empty() const { return used == tail.size() && !next && failure.empty(); }
    // Frees memory, so that an idle connection does not keep the memory of a long read for a short tail.
    void trim() {
        const auto left = rest();
        if (tail.capacity() < kWorthTrimming || left.size() > tail.capacity() / 4) return;
        detail::BytesInResource(as_text(left), memory()).swap(tail);
        used = 0;
    }
};

ProtocolRunner::ProtocolRunner(std::unique_ptr<Protocol> protocol,
                               std::size_t max_read_buffer) noexcept
    : protocol_(std::move(protocol)),
      max_unread_(static_cast<std::uint32_t>(
          std::min<std::size_t>(max_read_buffer, std::numeric_limits<std::uint32_t>::max()))) {}
ProtocolRunner::ProtocolRunner(ProtocolRunner&&) noexcept = default;
ProtocolRunner& ProtocolRunner::operator=(ProtocolRunner&&) noexcept = default;
ProtocolRunner::~ProtocolRunner() = default;

void ProtocolRunner::DestroyRareState::operator()(RareState* rare) const noexcept {
    detail::DestroyInResource<RareState>()(rare);
}

ProtocolRunner::RareState& ProtocolRunner::rare_state(const Connection& connection) {
    if (!rare_) rare_.reset(detail::make_in<RareState>(connection.memory()));
    set(kRare);
    return *rare_;
}

void ProtocolRunner::drop_rare_state() noexcept {
    rare_.reset();
    clear(kRare);
}

std::size_t ProtocolRunner::unread() const noexcept {
    return rare_ ? rare_->tail.size() - rare_->used : 0;
}

bool ProtocolRunner::has_work() const noexcept {
    return rare_ && !ended() && (rare_->next || (unread() > 0 && (flags_ & (kHeld | kWants)) == 0));
}

const std::string& ProtocolRunner::failure() const noexcept {
    static const std::string none;
    return rare_ ? rare_->failure : none;
}

// Runs one callback; if it throws, the connection is aborted.
template <class Callback>
void ProtocolRunner::guarded(Connection& connection, const char* name, Callback&& callback) {
    assert(!running() && "callbacks do not nest");
    set(kRunning);
    try {
        callback();
        clear(kRunning);
    } catch (...) {
        caught(connection, name);
    }
}

void ProtocolRunner::caught(Connection& connection, const char* name) noexcept {
    try {
        throw;
    } catch (const std::exception& e) {
        fail(connection, [&] { return std::string(name) + " threw: " + e.what(); });
    } catch (...) {
        fail(connection, [&] { return std::string(name) + " threw"; });
    }
}

template <class Text>
void ProtocolRunner::fail(Connection& connection, const Text& why) noexcept {
    clear(kRunning);
    end();
    try {
        const std::string_view label = protocol_ ? protocol_->label() : std::string_view();
        std::string text = why();
        if (!label.empty()) text = std::string(label) + ": " + text;
        rare_state(connection).failure = std::move(text);
    } catch (...) {  // if memory runs out, it fails without a text
    }
    connection.abort(errc::handler_failed);
}

std::size_t ProtocolRunner::call_data(Connection& connection, MutableBytes in) {
    std::size_t used = 0;
    guarded(connection, "on_data", [&] { used = protocol_->on_data(connection, in); });
    return checked(connection, used, in.size());
}

std::size_t ProtocolRunner::checked(Connection& connection, std::size_t used, std::size_t offered) {
    if (used <= offered) [[likely]]
        return used;
    fail(connection, [&] {
        return "on_data used " + std::to_string(used) + " of " + std::to_string(offered) + " bytes";
    });
    return offered;
}

// Returns whether the rest may be offered at once. It may not if the handler used nothing, because it then
// waits for more. A switch of protocols counts as progress.
bool ProtocolRunner::wants_more(Connection& connection, std::size_t used) {
    const bool switched = settle(connection);
    if (used > 0 || switched) return true;
    if (!held()) set(kWants);
    return false;
}

// Offers bytes until the handler waits for more or may not be offered any. Returns how many were used. After
// a switch the next protocol gets the rest.
std::size_t ProtocolRunner::offer(Connection& connection, MutableBytes in) {
    std::size_t total = 0;
    while (total < in.size() && (flags_ & (kHeld | kEnded)) == 0) {
        const std::size_t used = call_data(connection, in.subspan(total));
        total += used;
        if (!wants_more(connection, used)) break;
    }
    return total;
}

// Bytes that are left although they may be offered are an incomplete message. It must not be too large.
void ProtocolRunner::check_unread(Connection& connection) {
    if (unread() <= max_unread_ || held() || ended()) return;
    end();
    connection.abort(errc::message_too_large);
}

void ProtocolRunner::keep(const Connection& connection, Bytes rest) {
    RareState& k = rare_state(connection);
    k.tail.erase(0, k.used);
    k.used = 0;
    k.tail.append(as_text(rest));
}

void ProtocolRunner::keep_unused(Connection& connection, Bytes rest) {
    if (rest.empty()) return;
    if (ended()) return set(kCut);
    keep(connection, rest);
    check_unread(connection);
}

void ProtocolRunner::offer_kept(Connection& connection) {
    const std::size_t used = offer(connection, rare_->rest());
    rare_->used += used;
    check_unread(connection);
    if (rare_->empty()) return drop_rare_state();
    rare_->trim();
}

// The next protocol starts afresh: a pause, a deadline or an EOF of the old protocol does not apply to it.
// If the old protocol ends the connection in its on_close, the next one is never opened and gets no
// callback.
void ProtocolRunner::replace(Connection& connection) {
    auto old = std::exchange(protocol_, std::move(rare_->next));
    set(kRunning);
    old->on_close({});
    old.reset();
    clear(kRunning);
    if (ended()) return protocol_.reset();
    clear(static_cast<unsigned>(Hold::handler) | kWants | kEof | kFull);
    if (held(Hold::backpressure)) hold(Hold::backpressure);  // asks the next protocol about it
    connection.set_deadline(Clock::time_point::max());
    guarded(connection, "on_open", [&] { protocol_->on_open(connection); });
    if (stopping() && !ended()) call_stop(connection);
}

void ProtocolRunner::call_stop(Connection& connection) {
    guarded(connection, "on_shutdown", [&] { protocol_->on_shutdown(connection); });
}

// Carries out a requested switch.
bool ProtocolRunner::settle(Connection& connection) {
    if (!rare_ || !rare_->next) [[likely]]
        return false;
    while (rare_->next && !ended()) replace(connection);
    if (rare_->tail.empty() && rare_->empty()) drop_rare_state();
    return true;
}

// Called after any callback except on_data: carries out a requested switch, and offers bytes that may be
// offered now.
void ProtocolRunner::proceed(Connection& connection) {
    settle(connection);
    if (unread() > 0 && (flags_ & (kHeld | kEnded | kWants)) == 0) offer_kept(connection);
}

// Runs any callback except on_data. If a switch was requested from outside before, it is carried out instead,
// because the event was meant for the old protocol.
template <class Callback>
void ProtocolRunner::event(Connection& connection, const char* name, Callback&& callback) {
    assert(is_open());
    if (ended()) return;
    if (!settle(connection)) guarded(connection, name, callback);
    proceed(connection);
}

// A switch that was requested before waits until after on_open, because on_close({}) must not come first.
void ProtocolRunner::open(Connection& connection) {
    assert(!is_open() && protocol_);
    set(kOpen);
    if (ended()) return;
    guarded(connection, "on_open", [&] { protocol_->on_open(connection); });
    proceed(connection);
}

void ProtocolRunner::data_after_tail(Connection& connection, Bytes in) {
    settle(connection);
    if (ended()) return;
    keep(connection, in);
    clear(kWants);
    if (!held()) offer_kept(connection);
}

void ProtocolRunner::data(Connection& connection, MutableBytes in) {
    assert(is_open() && !running());
    if (!detail::ProtocolRunnerData::plain(*this)) return data_otherwise(connection, in);
    std::size_t used = 0;
    set(kRunning);
    try {
        used = protocol_->on_data(connection, in);
    } catch (...) {
        return caught(connection, "on_data");
    }
    clear(kRunning);
    if (used != in.size() || !detail::ProtocolRunnerData::plain(*this))
        data_used(connection, in, used);
}

void ProtocolRunner::data_otherwise(Connection& connection, MutableBytes in) {
    if (ended()) return;
    if (rare_) return data_after_tail(connection, in);
    const std::size_t used = offer(connection, in);
    keep_unused(connection, in.subspan(used));
}

// Continues after a first callback that did not use everything or requested something.
void ProtocolRunner::data_used(Connection& connection, MutableBytes in, std::size_t used) {
    used = checked(connection, used, in.size());
    if (wants_more(connection, used)) used += offer(connection, in.subspan(used));
    keep_unused(connection, in.subspan(used));
}

void ProtocolRunner::resume(Connection& connection) {
    clear(kWants);
    event(connection, "on_resume", [&] { protocol_->on_resume(connection); });
}

void ProtocolRunner::drain(Connection& connection) {
    event(connection, "on_writable", [&] { protocol_->on_writable(connection); });
}

void ProtocolRunner::eof(Connection& connection) {
    if (saw_eof()) return;
    event(connection, "on_eof", [&] {
        set(kEof);
        protocol_->on_eof(connection);
    });
}

void ProtocolRunner::deadline(Connection& connection) {
    event(connection, "on_deadline", [&] { protocol_->on_deadline(connection); });
}

void ProtocolRunner::stop(Connection& connection) {
    assert(is_open());
    if (stopping() || ended()) return;
    settle(connection);
    set(kStopping);
    if (!ended()) call_stop(connection);
    proceed(connection);
}

void ProtocolRunner::close(std::error_code reason) noexcept {
    assert(!running() && "a driver closes between callbacks");
    end();
    if (rare_) {
        detail::BytesInResource(rare_->memory()).swap(rare_->tail);  // clear() keeps the memory
        rare_->used = 0;
        rare_->next.reset();
    }
    set(kRunning);
    if (const auto protocol = std::move(protocol_)) protocol->on_close(reason);
    clear(kRunning);
}

void ProtocolRunner::switch_to(Connection& connection, std::unique_ptr<Protocol> next) {
    assert(next);
    if (!ended()) rare_state(connection).next = std::move(next);
}

}  // namespace switchboard
