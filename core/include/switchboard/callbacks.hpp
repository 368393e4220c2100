// Plain lambdas as a Protocol, for those who want no class.
#pragma once

#include <functional>
#include <switchboard/protocol.hpp>

namespace switchboard {

// Each one as the Protocol callback of its name; what is left empty does what Protocol does. State
// goes into the captures: a factory that makes a Callbacks per connection gives each its own.
//
//     auto echo = callbacks([] { return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
//         c.write(in);
//         return in.size();
//     }}; });
struct Callbacks {
    std::function<void(Connection&)> on_open = {};
    std::function<std::size_t(Connection&, MutableBytes)> on_data = {};  // empty: discards
    std::function<void(Connection&)> on_drain = {};
    std::function<void(Connection&)> on_resume = {};
    std::function<void(Connection&)> on_eof = {};
    std::function<void(Connection&)> on_deadline = {};
    std::function<void(Connection&)> on_stop = {};
    std::function<bool()> is_busy = {};                  // must not throw
    std::function<void(std::error_code)> on_close = {};  // must not throw
};

std::unique_ptr<Protocol> make_protocol(Callbacks callbacks);

// A factory of `make()`, called once per connection.
template <class Make>
ProtocolFactory callbacks(Make make) {
    return [make = std::move(make)] { return make_protocol(make()); };
}

// A factory that makes a P from copies of `args` for every connection.
template <class P, class... Args>
ProtocolFactory factory_of(Args... args) {
    return [=]() -> std::unique_ptr<Protocol> { return std::make_unique<P>(args...); };
}

}  // namespace switchboard
