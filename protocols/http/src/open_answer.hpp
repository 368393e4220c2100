// An answer that is given after the handler has returned.
#pragma once

#include <functional>
#include <memory>
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
    void drop() noexcept;  // the handle is destroyed: 500, unless it was answered
    bool dropped() const noexcept { return dropped_; }

    // ---- For the connection.
    void expire();                            // answer_within has passed: 503
    void gone(std::error_code why) noexcept;  // the connection has ended
    void set_last() noexcept { facts_.last = true; }
    void set_deadline(Clock::time_point when) noexcept { deadline_ = when; }
    Clock::time_point deadline() const noexcept { return deadline_; }

private:
    template <class Send>
    void answer(const Send& send, std::error_code reason = {});

    ServerProtocol* protocol_;  // null once the answer is complete, or cannot be given
    Connection* connection_;    // valid as long as protocol_
    Clock::time_point deadline_ = Clock::time_point::max();
    Facts facts_;
    unsigned status_;
    bool answered_ = false, dropped_ = false;
    std::string fields_;
    std::function<void(std::error_code)> on_gone_;
};

}  // namespace switchboard::http::detail
