// An echo server that says no politely: two at a time, a goodbye for the others, and SIGUSR1 pauses and
// resumes it. On a unix path it also says who came.
#include <csignal>
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/reactor.hpp>

using namespace switchboard;

void greet(Connection& peer) {
    const auto who = peer.peer_credentials();
    std::cout << "served: " << (who ? "user " + std::to_string(who->uid) : peer.peer().to_string())
              << std::endl;
}

int main(int argc, char** argv) {
    const auto at = Endpoint::parse(argc > 1 ? argv[1] : "tcp://127.0.0.1:0");
    if (!at) return std::cerr << at.error().message() << "\n", 2;
    const auto echo = callbacks([] {
        return Callbacks{.on_open = greet, .on_data = [](Connection& peer, MutableBytes in) {
                             peer.write(in);
                             return in.size();
                         }};
    });
    ListenOptions options;
    options.limits.max_connections = 2;
    options.accepts_per_second = 1'000;
    options.goodbye = "two are being served, come again\n";
    if (at->kind() == Endpoint::Kind::unix_path) options.path_mode = 0600;

    Reactor reactor;
    const auto listening = reactor.listen(*at, echo, options);
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    bool paused = false;
    const auto toggle = [&] {
        paused = !paused;
        paused ? reactor.pause_accepting(listening->id) : reactor.resume_accepting(listening->id);
        std::cout << (paused ? "paused" : "resumed") << std::endl;
    };
    const auto drain = [&] {
        reactor.drain(std::chrono::seconds(1), [](std::size_t aborted) {
            std::cout << "drained, " << aborted << " aborted" << std::endl;
        });
    };
    for (const auto& armed :
         {reactor.on_signal(SIGUSR1, toggle), reactor.on_signal(SIGTERM, drain)})
        if (!armed) return std::cerr << armed.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
