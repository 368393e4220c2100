// Slot: the only place that calls a Protocol. For those who write a driver or a layer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard {
namespace detail {
struct SlotData;
}

// Holds one Protocol and keeps its contract: the order of callbacks, the unread tail, max_unread,
// switch_to, and that a callback which throws costs its own connection alone. A driver forwards
// what its socket does; what the handler asks of the Connection, the driver tells back (the second
// group). No call but open(), data(), resume(), drain(), eof(), deadline(), stop() and close() runs a
// callback, and those do not nest. One thread. A slot with no tail kept is 24 bytes and has nothing
// on the heap.
class Slot {
public:
    // Why no bytes are offered for now; the reasons add up.
    enum class Hold : std::uint8_t { handler = 1, backpressure = 2 };

    Slot(std::unique_ptr<Protocol> protocol, std::size_t max_unread) noexcept;
    Slot(Slot&&) noexcept;
    Slot& operator=(Slot&&) noexcept;
    ~Slot();

    // From the driver, as things happen. `in` is lent; what is not used is copied and kept.
    void open(Connection& connection);
    void data(Connection& connection, MutableBytes in);
    void resume(Connection& connection);  // on_resume, then the kept tail again
    void drain(Connection& connection);
    void eof(Connection& connection);  // once nothing is unread or held; again after a switch
    void deadline(Connection& connection);
    void stop(Connection& connection);  // on_stop, once; for a protocol that comes later as well
    // on_close, unless the protocol was switched to and never opened; it is destroyed. Idempotent.
    void close(std::error_code reason) noexcept;

    // From the Connection, as the handler calls it.
    void hold(Hold why) noexcept {
        set(static_cast<unsigned>(why));
        if (why == Hold::backpressure && protocol_ && !protocol_->reads_when_full()) set(kFull);
    }
    void release(Hold why) noexcept {
        clear(static_cast<unsigned>(why) | (why == Hold::backpressure ? kFull : 0));
    }
    void end() noexcept { set(kEnded); }  // closing or aborted: nothing but on_close follows
    void switch_to(Connection& connection, std::unique_ptr<Protocol> next);

    bool is_open() const noexcept { return (flags_ & kOpen) != 0; }  // open() was called
    bool held() const noexcept { return (flags_ & kHeld) != 0; }     // no bytes may be offered
    bool held(Hold why) const noexcept { return (flags_ & static_cast<std::uint8_t>(why)) != 0; }
    bool ended() const noexcept { return (flags_ & kEnded) != 0; }
    bool running() const noexcept { return (flags_ & kRunning) != 0; }  // inside a callback
    bool saw_eof() const noexcept { return (flags_ & kEof) != 0; }      // by this very protocol
    std::size_t unread() const noexcept;  // bytes kept for the handler
    // It ended before its input did: what was offered and not used was not kept any more.
    bool cut_short() const noexcept { return (flags_ & kCut) != 0; }
    bool has_work() const noexcept;  // resume() would offer something
    bool stopping() const noexcept { return (flags_ & kStopping) != 0; }  // stop() was called
    // Has nothing unread, paused for or under way: idle, as far as a slot can see.
    bool is_idle() const noexcept {
        return !held() && !ended() && unread() == 0 && protocol_ && !protocol_->is_busy();
    }
    const Protocol* protocol() const noexcept { return protocol_.get(); }
    Transport* layer() const noexcept { return protocol_ ? protocol_->above() : nullptr; }
    // Why errc::handler_failed: the callback's name and what it threw. Empty otherwise.
    const std::string& failure() const noexcept;

private:
    friend struct detail::SlotData;
    struct Kept;  // what few connections need: the tail, the next protocol, the failure
    struct DestroyKept {
        void operator()(Kept* kept) const noexcept;
    };

    void set(unsigned bits) noexcept { flags_ = static_cast<std::uint16_t>(flags_ | bits); }
    void clear(unsigned bits) noexcept { flags_ = static_cast<std::uint16_t>(flags_ & ~bits); }

    static constexpr unsigned kOpen = 4, kRunning = 8, kEnded = 16;
    static constexpr unsigned kWants = 32;  // the handler saw the tail and asked for more
    static constexpr unsigned kEof = 64;
    static constexpr unsigned kFull = 128;  // backpressure, and the handler minds
    static constexpr unsigned kKept = 256;  // kept_ is there
    static constexpr unsigned kCut = 512;   // the rest of its input was dropped
    static constexpr unsigned kStopping = 1024;
    static constexpr unsigned kHeld = static_cast<unsigned>(Hold::handler) | kFull;

    template <class Callback>
    void guarded(Connection& connection, const char* name, Callback&& callback);
    template <class Callback>
    void event(Connection& connection, const char* name, Callback&& callback);
    std::size_t call_data(Connection& connection, MutableBytes in);
    std::size_t checked(Connection& connection, std::size_t used, std::size_t offered);
    bool wants_more(Connection& connection, std::size_t used);
    std::size_t offer(Connection& connection, MutableBytes in);
    void offer_kept(Connection& connection);
    void keep(const Connection& connection, Bytes rest);
    void keep_unused(Connection& connection, Bytes rest);
    void data_otherwise(Connection& connection, MutableBytes in);
    void data_used(Connection& connection, MutableBytes in, std::size_t used);
    void data_after_tail(Connection& connection, Bytes in);
    bool settle(Connection& connection);
    void replace(Connection& connection);
    void call_stop(Connection& connection);
    void proceed(Connection& connection);
    void check_unread(Connection& connection);
    void caught(Connection& connection, const char* name) noexcept;  // inside a catch
    template <class Text>
    void fail(Connection& connection, const Text& why) noexcept;
    Kept& kept(const Connection& connection);
    void drop_kept() noexcept;

    std::unique_ptr<Protocol> protocol_;
    std::unique_ptr<Kept, DestroyKept> kept_;  // in connection.memory()
    std::uint32_t max_unread_;
    std::uint16_t flags_ = 0;
};

}  // namespace switchboard
