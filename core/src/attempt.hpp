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
    const bool named =
        asked.kind() == Endpoint::Kind::tcp && asked.host() != tried.host() && asked.host() != "*";
    return attempt(verb, asked) + (named ? " (" + tried.host() + ")" : "");
}

}  // namespace switchboard::detail
