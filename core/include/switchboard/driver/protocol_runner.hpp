// ProtocolRunner: the only code that calls a Protocol. For authors of drivers and layers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard {
namespace detail {
struct ProtocolRunnerData;
}

// Owns one Protocol and ensures what protocol.hpp promises: the order of callbacks, the unused bytes,
// max_read_buffer, switch_to(), and that a callback that throws ends only its own connection. The driver
// reports the events of its wire (the first group of members) and the requests of the handler (the second
// group). Callbacks run only inside open(), data(), resume(), drain(), eof(), deadline(), stop() and close(),
// and do not nest. Threading: the driver's thread only. A runner is 24 bytes, and allocates memory only for
// unused bytes, a switch or a failure.
class ProtocolRunner {
public:
    // Why no bytes are offered for now. Both reasons may apply at once.
    enum class Hold : std::uint8_t { handler = 1, backpressure = 2 };

    ProtocolRunner(std::unique_ptr<Protocol> protocol, std::size_t max_read_buffer) noexcept;
    ProtocolRunner(ProtocolRunner&&) noexcept;
    ProtocolRunner& operator=(ProtocolRunner&&) noexcept;
    ~ProtocolRunner();

    // ---- Events: the driver calls these as they happen.
    void open(Connection& connection);  // on_open
    // on_data. `in` is valid until the call returns; bytes that are not used are copied and kept.
    void data(Connection& connection, MutableBytes in);
    void resume(Connection& connection);  // on_resume, then on_data with the kept bytes
    void drain(Connection& connection);   // on_writable
    // on_eof, once for each protocol. Call it when no bytes are unread and reading is not held, and again
    // after a switch.
    void eof(Connection& connection);
    void deadline(Connection& connection);  // on_deadline
    // on_shutdown, once, also for protocols that are switched to later.
    void stop(Connection& connection);
    // on_close; then the protocol is destroyed. Further calls have no effect. A protocol that was switched to
    // but never opened gets no callback.
    void close(std::error_code reason) noexcept;

    // ---- Requests: the Connection passes on what the handler asks for.
    void hold(Hold why) noexcept {
        set(static_cast<unsigned>(why));
        if (why == Hold::backpressure && protocol_ && !protocol_->reads_under_backpressure())
            set(kFull);
    }
    void release(Hold why) noexcept {
        clear(static_cast<unsigned>(why) | (why == Hold::backpressure ? kFull : 0));
    }
    void end() noexcept { set(kEnded); }  // closed or aborted: only on_close follows
    void switch_to(Connection& connection, std::unique_ptr<Protocol> next);

    bool is_open() const noexcept { return (flags_ & kOpen) != 0; }  // open() was called
    bool held() const noexcept { return (flags_ & kHeld) != 0; }     // no bytes may be offered
    bool held(Hold why) const noexcept { return (flags_ & static_cast<std::uint8_t>(why)) != 0; }
    bool ended() const noexcept { return (flags_ & kEnded) != 0; }
    bool running() const noexcept { return (flags_ & kRunning) != 0; }  // inside a callback
    bool saw_eof() const noexcept { return (flags_ & kEof) != 0; }      // the current protocol did
    std::size_t unread() const noexcept;  // bytes kept for the handler
    // Bytes that the handler did not use were discarded, because it had ended the connection.
    bool input_discarded() const noexcept { return (flags_ & kCut) != 0; }
    bool has_work() const noexcept;  // resume() would offer something
    bool stopping() const noexcept { return (flags_ & kStopping) != 0; }  // stop() was called
    // True if no input is kept, reading is not held, and the protocol is not busy.
    bool is_idle() const noexcept {
        return !held() && !ended() && unread() == 0 && protocol_ && !protocol_->is_busy();
    }
    const Protocol* protocol() const noexcept { return protocol_.get(); }
    Transport* layer() const noexcept { return protocol_ ? protocol_->above() : nullptr; }
    // The cause of errc::handler_failed: the label of the protocol if it has one, the name of the callback
    // and what it threw. Otherwise empty.
    const std::string& failure() const noexcept;

private:
    friend struct detail::ProtocolRunnerData;
    struct RareState;  // the state that few connections need: unused bytes, next protocol, failure
    struct DestroyRareState {
        void operator()(RareState* rare) const noexcept;
    };

    void set(unsigned bits) noexcept { flags_ = static_cast<std::uint16_t>(flags_ | bits); }
    void clear(unsigned bits) noexcept { flags_ = static_cast<std::uint16_t>(flags_ & ~bits); }

    static constexpr unsigned kOpen = 4, kRunning = 8, kEnded = 16;
    static constexpr unsigned kWants = 32;  // the handler saw the kept bytes and asked for more
    static constexpr unsigned kEof = 64;
    static constexpr unsigned kFull = 128;  // backpressure stops the input of this handler
    static constexpr unsigned kRare = 256;  // rare_ is set
    static constexpr unsigned kCut = 512;   // input was discarded
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
    void caught(Connection& connection, const char* name) noexcept;  // call it in a catch block
    template <class Text>
    void fail(Connection& connection, const Text& why) noexcept;
    RareState& rare_state(const Connection& connection);
    void drop_rare_state() noexcept;

    std::unique_ptr<Protocol> protocol_;
    std::unique_ptr<RareState, DestroyRareState> rare_;  // allocated in connection.memory()
    std::uint32_t max_unread_;
    std::uint16_t flags_ = 0;
};

}  // namespace switchboard
