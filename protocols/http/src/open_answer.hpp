// An answer that is given after the handler has returned.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <switchboard/http.hpp>
#include <system_error>

#include "exchange.hpp"

namespace switchboard::http::detail {

class ServerProtocol;

// Shared by the connection, until the answer is complete, and by the user's handle. The connection leaves
// first or the handle does; either may.
class OpenAnswer {
public:
    OpenAnswer(ServerProtocol& protocol, Connection& connection, const Facts& facts,
               unsigned status, std::string_view fields)
        : protocol_(&protocol),
          connection_(&connection),
          facts_(facts),
          status_(status),
          fields_(fields) {
        facts_.upgrade = {};  // a view of what was read
    }

    // ---- For the handle.
    bool alive() const noexcept { return protocol_ != nullptr; }
    void set_status(unsigned code);
    void add_field(std::string_view name, std::string_view value);
    void set_on_gone(std::function<void(std::error_code)> fn);
    void send(std::string_view body);
    void send(SharedBytes body);
    void send_file(FileRange body);
    void send_head(std::optional<std::uint64_t> length);  // the body follows in pieces
    bool write(Bytes piece);
    void end(std::span<const Field> trailers);
    void abort(std::error_code why) noexcept;
    void set_on_room(std::function<void()> fn);
    void drop() noexcept;  // the handle is destroyed: 500, unless it was answered
    bool dropped() const noexcept { return dropped_; }

    // ---- For the connection.
    void remember(std::string_view method, std::string_view target);  // for on_done
    // The answer cannot be awaited: sends that status, or, behind the head, ends a body that is not whole.
    void fail(unsigned status, std::error_code why);
    bool has_room() const noexcept { return room_; }
    void room_again();                        // the connection takes more output
    void gone(std::error_code why) noexcept;  // the connection has ended
    void set_last() noexcept { facts_.last = facts_.last_if_read = true; }
    void body_is_read() noexcept {
        if (!head_sent_) facts_.last = facts_.last_if_read;
    }
    bool head_sent() const noexcept { return head_sent_; }
    void set_patience(std::chrono::milliseconds within) noexcept { within_ = within; }
    // The request has ended; from now on the head of the answer is awaited.
    void start_waiting(Clock::time_point now) noexcept;
    Clock::time_point deadline() const noexcept { return deadline_; }

private:
    template <class Send>
    void answer(const Send& send, std::error_code reason = {});
    void finish(std::error_code reason);
    void report(unsigned status);
    bool put(std::span<const Bytes> pieces) noexcept;

    ServerProtocol* protocol_;  // null once the answer is complete, or cannot be given
    Connection* connection_;    // valid as long as protocol_
    std::chrono::milliseconds within_{};
    Clock::time_point deadline_ = Clock::time_point::max();
    Facts facts_;
    unsigned status_;
    bool answered_ = false, dropped_ = false, head_sent_ = false, has_length_ = false;
    bool room_ = true;  // the last write returned true
    BodyEnd body_end_ = BodyEnd::no_body;
    std::uint64_t left_ = 0;   // of a body with a length
    std::uint64_t bytes_ = 0;  // of the body so far
    std::string fields_;
    std::string method_, target_;  // for on_done
    std::function<void(std::error_code)> on_gone_;
    std::function<void()> on_room_;
};

}  // namespace switchboard::http::detail
