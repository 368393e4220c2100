// A connection behind a proxy, in memory: what its protocol sees and how the connection ends.
#pragma once

#include <doctest/doctest.h>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/proxy.hpp>
#include <switchboard/testing/memory.hpp>

#include "proxy_bytes.hpp"

namespace switchboard::test {

inline const std::string kLine = "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n";
inline const std::string kClient =
    "tcp://192.0.2.1:12345 > tcp://198.51.100.2:443\n";  // as telling() writes it
inline const std::string kNobody = "unix: > unix:\n";    // the ends of a connection in memory

inline ProxyTrust trust(std::string_view list) {
    auto trust = ProxyTrust::parse(list);
    REQUIRE_MESSAGE(trust.has_value(), trust.error().message());
    return std::move(*trust);
}

inline ProtocolFactory behind_proxy(ProtocolFactory above, ProxyReceiveOptions options = {}) {
    auto factory = receive_proxy_header(std::move(above), options);
    REQUIRE_MESSAGE(factory.has_value(), factory.error().message());
    return std::move(*factory);
}

// In memory all peers are unix peers.
inline ProxyReceiveOptions trusting() {
    return {.trust = trust("unix")};
}

inline ProtocolFactory proxying(ProtocolFactory above, ProxySendOptions options = {}) {
    auto factory = send_proxy_header(std::move(above), options);
    REQUIRE_MESSAGE(factory.has_value(), factory.error().message());
    return std::move(*factory);
}

inline void tell(Connection& c) {
    c.write(c.peer().to_string() + " > " + c.local().to_string() + "\n");
}

// Writes its two ends, and then echoes.
inline ProtocolFactory telling() {
    return callbacks([] {
        return Callbacks{.on_open = tell, .on_data = [](Connection& c, MutableBytes in) {
                             c.write(in);
                             return in.size();
                         }};
    });
}

// The names of the callbacks that were called.
struct Log {
    std::string text;
    std::error_code reason;

    ProtocolFactory keeping() {
        return callbacks([this] {
            return Callbacks{.on_open = [this](Connection&) { text += "open "; },
                             .on_data =
                                 [this](Connection&, MutableBytes in) {
                                     text += std::string(as_text(in)) + " ";
                                     return in.size();
                                 },
                             .on_eof =
                                 [this](Connection& c) {
                                     text += "eof ";
                                     c.close();
                                 },
                             .on_deadline = [this](Connection&) { text += "deadline "; },
                             .on_shutdown = [this](Connection&) { text += "stop "; },
                             .on_close =
                                 [this](std::error_code why) {
                                     text += "close ";
                                     reason = why;
                                 }};
        });
    }
};

}  // namespace switchboard::test
