// The engine: the protocol of an open WebSocket, and its Socket.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "compression.hpp"
#include "frame.hpp"
#include "random_masks.hpp"
#include "utf8.hpp"

namespace switchboard::websocket::detail {

// Shared by handles and topics. `engine` is null once the socket has ended.
struct Link {
    Engine* engine = nullptr;
    std::vector<std::weak_ptr<TopicList>> lists = {};  // those in which the socket is
};

// The subscribers of the topics of one Topics object.
struct TopicList {
    using Members = std::vector<std::shared_ptr<Link>>;

    // Removes an ended socket from all topics.
    void remove(const Link& link) noexcept;

    std::map<std::string, Members, std::less<>> topics = {};
};

// What the handshake decided.
struct Opening {
    Role role = Role::server;
    std::string subprotocol = {};
    std::optional<Agreed> deflate = {};
};

class Engine final : public Protocol, public Socket {
public:
    Engine(std::unique_ptr<Handler> handler, std::shared_ptr<const Shared> shared, Opening opening);
    ~Engine() override;

    // ---- Protocol
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_writable(Connection& connection) override;
    void on_eof(Connection& connection) override;
    void on_deadline(Connection& connection) override;
    // A drain waits for the peer's Close frame, as long as close_timeout allows.
    bool is_busy() const noexcept override { return close_sent_ && !close_received_; }
    void on_shutdown(Connection& connection) override;
    void on_close(std::error_code reason) noexcept override;

    // ---- Socket
    using Socket::send;
    bool send(Kind kind, std::span<const Bytes> pieces) override;
    bool begin(Kind kind) override;
    bool part(Bytes piece) override;
    bool end() override;
    void ping(Bytes payload) override;
    void close(std::uint16_t code, std::string_view reason) override;
    bool closing() const noexcept override {
        return close_sent_ || connection_ == nullptr || connection_->closing();
    }
    std::size_t queued() const noexcept override;
    void pause() override;
    void resume() override;
    std::string_view subprotocol() const noexcept override { return opening_.subprotocol; }
    bool compresses() const noexcept override { return compression_.has_value(); }
    Connection& connection() const noexcept override { return *connection_; }
    Handle handle() override { return Handle(link()); }

    // ---- For topics
    const std::shared_ptr<Link>& link();
    Role role() const noexcept { return opening_.role; }
    const Shared& shared() const noexcept { return *shared_; }
    bool in_fragments() const noexcept { return sending_ != Sending::whole; }
    Compression* compressor() noexcept;  // null if messages are sent uncompressed
    bool has_room() const noexcept {
        return !full_;
    }  // no write has returned false since on_writable
    bool send_encoded(const SharedBytes& frame) { return note(connection_->write_shared(frame)); }
    bool send_frame(const FrameHead& head, std::span<const Bytes> pieces, std::size_t size);

private:
    enum class Sending : std::uint8_t { whole, first, later };  // which fragment comes next

    // What has come of the message that is being received.
    struct Incoming {
        std::uint64_t left = 0;  // bytes of the current frame that are still to come
        std::size_t fragments = 0;
        Mask mask = 0;
        Opcode kind = Opcode::continuation;  // of the message; continuation: no message has begun
        bool fin = false;                    // of the current frame
        bool compressed = false;
        bool skipped = false;  // it comes after the own Close frame
        Utf8 text = {};
    };

    Engine& engine() noexcept override { return *this; }

    // ---- Receiving. They return how many bytes of `in` were used.
    std::size_t take(Connection& connection, MutableBytes in);
    std::size_t take_control(const FrameHead& head, MutableBytes in);
    // Most messages come uncompressed in one frame and in one piece. Nothing about them must be kept.
    bool is_simple(const FrameHead& head, Bytes in) const noexcept {
        const bool is_message = head.opcode == Opcode::text || head.opcode == Opcode::binary;
        return is_message && head.fin && !head.compressed &&
               incoming_.kind == Opcode::continuation && !close_sent_ &&
               head.length <= in.size() - head.size && head.length <= shared_->options.max_message;
    }
    std::size_t take_simple(const FrameHead& head, MutableBytes in);
    std::size_t take_data(const FrameHead& head, MutableBytes in);
    std::size_t take_payload(MutableBytes in);
    void take_close(Bytes payload);
    const char* begin_frame(const FrameHead& head);
    void end_frame();
    void deliver(MutableBytes payload);
    void deliver_compressed(Bytes payload);
    void unmask(MutableBytes payload) noexcept;
    std::size_t most_payload() const noexcept;
    std::size_t fail(std::uint16_t code, const char* why);

    // ---- Sending
    bool note(bool room) noexcept {
        full_ = full_ || !room;
        return room;
    }
    bool send_short(Opcode opcode, Bytes message);
    bool send_masked(std::span<const Bytes> pieces, Mask mask);
    bool send_fragment(Bytes piece, bool fin);
    void send_close(std::uint16_t code, std::string_view reason);
    bool may_send() const;
    Mask next_mask();

    // ---- Time
    void arm(Clock::time_point when) { connection_->set_deadline(when); }
    void watch_idle();
    void await_end();
    void ended(std::uint16_t code, std::string_view reason) noexcept;

    const Opening opening_;
    const std::shared_ptr<const Shared> shared_;
    const std::unique_ptr<Handler> handler_;
    Connection* connection_ = nullptr;
    std::optional<Compression> compression_;
    std::unique_ptr<MaskSource> masks_;
    std::shared_ptr<Link> link_;
    Incoming incoming_;
    std::pmr::vector<std::byte> collected_;
    Clock::time_point heard_{};                                // when the peer was last heard
    Clock::time_point pinged_for_ = Clock::time_point::min();  // heard_ when the last Ping was sent
    std::string reason_;
    std::uint16_t code_ = code::kLost;
    Sending sending_ = Sending::whole;
    Kind sending_kind_ = Kind::text;
    bool compresses_parts_ = false;  // of the message in fragments
    bool paused_ = false;
    bool full_ = false;
    bool failed_ = false;  // the peer broke the protocol or a limit
    bool close_sent_ = false;
    bool close_received_ = false;
    bool told_ = false;  // on_close of the handler was called
};

}  // namespace switchboard::websocket::detail
