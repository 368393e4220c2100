// Runs the same handler under the three main loops: a thread for each connection, a process for each, or one
// reactor for all. SIGTERM drains the server.
#include <csignal>
#include <iostream>
#include <switchboard/blocking.hpp>
#include <switchboard/callbacks.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/signals.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

const ProtocolFactory echo = callbacks([] {
    return Callbacks{.on_data = [](Connection& peer, MutableBytes in) {
        peer.write(in);
        return in.size();
    }};
});

void announce(const Endpoint& at) {
    std::cout << "listening on " << at.to_string() << std::endl;
}

Result<void> run_reactor(const Endpoint& at) {
    Reactor reactor;
    const auto listening = reactor.listen(at, echo);
    if (!listening) return tl::unexpected(listening.error());
    const auto armed = on_signal(reactor, SIGTERM, [&] { reactor.drain(10s, {}); });
    if (!armed) return armed;
    announce(listening->local);
    reactor.run();
    return {};
}

const Stop* stop_at_sigterm = nullptr;

Result<void> run_blocking(const Endpoint& at, decltype(serve_threads)* serve) {
    const auto stop = Stop::create();
    if (!stop) return tl::unexpected(stop.error());
    stop_at_sigterm = &*stop;
    std::signal(SIGTERM, [](int) { stop_at_sigterm->drain(); });
    auto listener = listen(at);
    if (!listener) return tl::unexpected(listener.error());
    announce(listener->local().value());
    const auto served = serve(std::move(*listener), echo, *stop, {});
    std::signal(SIGTERM, SIG_DFL);
    return served;
}

int main(int argc, char** argv) {
    const std::string_view loop = argc > 1 ? argv[1] : "reactor";
    const Endpoint at = Endpoint::tcp("127.0.0.1", 0);
    const auto ran = loop == "threads"     ? run_blocking(at, serve_threads)
                     : loop == "processes" ? run_blocking(at, serve_processes)
                                           : run_reactor(at);
    if (!ran) return std::cerr << ran.error().message() << "\n", 1;
    std::cout << "drained" << std::endl;
}
