// A server that can be looked into: metrics over HTTP, a log that names who holds the loop, figures
// on SIGUSR1, and what would keep it alive once it has drained.
#include <csignal>
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/metrics.hpp>
#include <switchboard/reactor.hpp>
#include <thread>

using namespace switchboard;
using namespace std::chrono_literals;

// An echo that takes its time for those who ask for it: in here everybody else waits.
std::size_t echo(Connection& peer, MutableBytes in) {
    if (as_text(in) == "slow") std::this_thread::sleep_for(100ms);
    peer.write(in);
    return in.size();
}

int main() {
    const auto log = [](LogLevel, std::string_view text) { std::cout << text << std::endl; };
    Reactor reactor({.log = log, .stall_report = 50ms});
    const Endpoint any = Endpoint::tcp("127.0.0.1", 0);
    const auto served = reactor.listen(any, callbacks([] { return Callbacks{.on_data = echo}; }));
    const auto metrics = reactor.listen(any, make_metrics(reactor));
    if (!served || !metrics) return 1;
    reactor.every(1h, [] { std::cout << "an hour has passed" << std::endl; });

    const auto figures = [&] { std::cout << to_json(reactor.stats()) << std::flush; };
    const auto drain = [&] {
        reactor.drain(1s, [&](std::size_t) {
            for (const LiveHandle& each : reactor.why_alive())
                std::cout << "left: " << to_string(each) << std::endl;
            reactor.stop();
        });
    };
    if (!reactor.on_signal(SIGUSR1, figures) || !reactor.on_signal(SIGTERM, drain)) return 1;
    std::cout << "listening on " << served->local.to_string() << "\nmetrics at "
              << metrics->local.to_string() << std::endl;
    reactor.run();
}
