// An echo server that limits accepting: it serves two clients at a time and sends others a reject message.
// SIGUSR1 pauses and resumes accepting. On a unix path it also prints the user of each client.
#include <csignal>
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/signals.hpp>

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
    options.server.max_connections = 2;
    options.server.accepts_per_second = 1'000;
    options.reject_message = "two are being served, come again\n";
    if (at->kind() == Endpoint::Kind::unix_path) options.path_mode = 0600;

    Reactor reactor;
    const auto listening = reactor.listen(*at, echo, options);
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    bool paused = false;
    const auto toggle = [&] {
        paused = !paused;
        paused ? pause_accepting(reactor, listening->id) : resume_accepting(reactor, listening->id);
        std::cout << (paused ? "paused" : "resumed") << std::endl;
    };
    const auto drain = [&] {
        reactor.drain(std::chrono::seconds(1), [](std::size_t aborted) {
            std::cout << "drained, " << aborted << " aborted" << std::endl;
        });
    };
    for (const auto& armed :
         {on_signal(reactor, SIGUSR1, toggle), on_signal(reactor, SIGTERM, drain)})
        if (!armed) return std::cerr << armed.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
