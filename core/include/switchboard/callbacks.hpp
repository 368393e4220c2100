// Callbacks: a Protocol made of lambdas instead of a class.
#pragma once

#include <functional>
#include <switchboard/protocol.hpp>

namespace switchboard {

// Each member is called as the Protocol callback of the same name. An empty member does what Protocol does
// by default. Keep state in the captures. callbacks() makes a new Callbacks for each connection, so what its
// lambdas capture by value belongs to that connection alone.
//
//     auto echo = callbacks([] { return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
//         c.write(in);
//         return in.size();
//     }}; });
struct Callbacks {
    std::function<void(Connection&)> on_open = {};
    std::function<std::size_t(Connection&, MutableBytes)> on_data = {};  // empty: discards input
    std::function<void(Connection&)> on_writable = {};
    std::function<void(Connection&)> on_resume = {};
    std::function<void(Connection&)> on_eof = {};
    std::function<void(Connection&)> on_deadline = {};
    std::function<void(Connection&)> on_shutdown = {};
    std::function<bool()> is_busy = {};                   // must not throw
    std::function<bool()> reads_under_backpressure = {};  // must not throw
    std::function<void(std::error_code)> on_close = {};   // must not throw
};

std::unique_ptr<Protocol> make_protocol(Callbacks callbacks);

// Returns a factory that calls `make()`, which returns a Callbacks, once for each connection.
template <class Make>
ProtocolFactory callbacks(Make make) {
    return [make = std::move(make)] { return make_protocol(make()); };
}

// Returns a factory that makes a P for each connection, from copies of `args`.
template <class P, class... Args>
ProtocolFactory factory_of(Args... args) {
    return [=]() -> std::unique_ptr<Protocol> { return std::make_unique<P>(args...); };
}

}  // namespace switchboard
