// A body that is handed on in pieces, or skipped.
#pragma once

#include <string_view>
#include <switchboard/http.hpp>
#include <system_error>

#include "body_input.hpp"

namespace switchboard::http::detail {

class ServerProtocol;

// Shared by the connection, until the body is whole, and by the user's handles.
class BodyReader {
public:
    // A reader without functions skips the body.
    BodyReader(ServerProtocol& protocol, Connection& connection, BodyInput input, Reader reader)
        : protocol_(&protocol),
          connection_(&connection),
          input_(std::move(input)),
          reader_(std::move(reader)) {}

    // ---- For the handles.
    bool alive() const noexcept { return protocol_ != nullptr; }
    bool paused() const noexcept { return paused_; }
    void pause();
    void resume();
    std::span<const Field> trailers() const noexcept { return input_.trailers(); }

    // ---- For the connection, which keeps this alive meanwhile.
    BodyInput& input() noexcept { return input_; }
    void hand_on(std::string_view piece);
    void end(std::string_view piece);         // the last piece
    void gone(std::error_code why) noexcept;  // there is no more
    Clock::time_point deadline(const HttpLimits& limits) const noexcept {
        return paused_ ? Clock::time_point::max() : input_.deadline(limits);
    }

private:
    ServerProtocol* protocol_;  // null once the body has ended
    Connection* connection_;    // valid as long as protocol_
    BodyInput input_;
    Reader reader_;
    bool paused_ = false;
    Clock::time_point paused_at_;
};

}  // namespace switchboard::http::detail
