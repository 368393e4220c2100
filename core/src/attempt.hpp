// The words that go into the errors of listen and connect. Private to core.
#pragma once

#include <cerrno>
#include <string>
#include <switchboard/endpoint.hpp>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

inline std::error_code last_error() noexcept {
    return {errno, std::system_category()};
}

// "listen tcp://127.0.0.1:80"
inline std::string attempt(const char* verb, const Endpoint& asked) {
    return std::string(verb) + " " + asked.to_string();
}

// The same for one address of a name: "connect tcp://localhost:80 (127.0.0.1)"
inline std::string attempt(const char* verb, const Endpoint& asked, const SocketAddress& address) {
    const Endpoint tried = Endpoint::from(address);
    const bool named = asked.is_inet() && asked.host() != tried.host() && asked.host() != "*";
    return attempt(verb, asked) + (named ? " (" + tried.host() + ")" : "");
}

inline tl::unexpected<Error> not_a_stream(const char* verb, const Endpoint& asked) {
    return fail(std::make_error_code(std::errc::wrong_protocol_type),
                attempt(verb, asked) + ": a udp endpoint is for datagrams and not for streams");
}

}  // namespace switchboard::detail
