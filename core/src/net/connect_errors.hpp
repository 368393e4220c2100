// The texts of the errors of listen() and connect(). Private to core.
#pragma once

#include <cerrno>
#include <optional>
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

// "connect tcp://127.0.0.1:80", and " from tcp://127.0.0.2:0" if a source address is given.
inline std::string connect_attempt(const Endpoint& asked, const std::optional<Endpoint>& from) {
    return attempt("connect", asked) + (from ? " from " + from->to_string() : "");
}

// Checks that a connect to `asked` may use the source address `from`: SocketOptions::from.
inline Result<void> check_from(const Endpoint& asked, const std::optional<Endpoint>& from) {
    if (!from) return {};
    const auto bad = [&](const char* why) {
        return fail(errc::bad_option, connect_attempt(asked, from) + ": " + why);
    };
    if (asked.kind() == Endpoint::Kind::unix_path)
        return bad("a unix socket has no source address");
    if (from->kind() != Endpoint::Kind::tcp)
        return bad("the source must be an address such as tcp://127.0.0.2:0");
    const auto addresses = from->addresses();
    if (!addresses) return tl::unexpected(addresses.error());
    return addresses->empty() ? bad("the source must be a literal address") : Result<void>();
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
