// A server with metrics over HTTP, a log of slow callbacks, statistics at SIGUSR1, and, after a drain, a
// list of the handles that keep it running.
#include <csignal>
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/live_handle.hpp>
#include <switchboard/metrics.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/signals.hpp>
#include <thread>

using namespace switchboard;
using namespace std::chrono_literals;

// An echo that is slow on request. While it sleeps, all other connections wait.
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

    const auto figures = [&] { std::cout << to_json(collect_stats(reactor)) << std::flush; };
    const auto drain = [&] {
        reactor.drain(1s, [&](std::size_t) {
            for (const LiveHandle& each : active_handles(reactor))
                std::cout << "left: " << to_string(each) << std::endl;
            reactor.stop();
        });
    };
    if (!on_signal(reactor, SIGUSR1, figures) || !on_signal(reactor, SIGTERM, drain)) return 1;
    std::cout << "listening on " << served->local.to_string() << "\nmetrics at "
              << metrics->local.to_string() << std::endl;
    reactor.run();
}
