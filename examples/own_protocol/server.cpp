// Serves Sum at the given endpoint until SIGTERM.
#include <csignal>
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/signals.hpp>

#include "sum.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
    const auto at = Endpoint::parse(argc > 1 ? argv[1] : "tcp://127.0.0.1:7000");
    if (!at) return std::cerr << at.error().message() << "\n", 2;
    Reactor reactor;
    const auto listening = reactor.listen(*at, factory_of<Sum>());
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    const auto armed = on_signal(reactor, SIGTERM, [&] { reactor.drain(10s, {}); });
    if (!armed) return std::cerr << armed.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
