// Connects to the first address of a name that answers, and prints it. If none answers, prints the error
// of each.
#include <cstdio>
#include <switchboard/callbacks.hpp>
#include <switchboard/reactor.hpp>

using namespace switchboard;

int main(int argc, char** argv) {
    const auto server = Endpoint::parse(argc == 2 ? argv[1] : "");
    if (!server) {
        std::puts("usage: connect_by_name NAME:PORT");
        return 2;
    }
    Reactor reactor;
    ConnectOptions options;
    options.limits.connect_timeout = std::chrono::seconds(3);
    int status = 0;
    options.on_ended = [&](const Error& error) {
        if (!error.code()) return;
        std::puts(error.message().c_str());
        status = 1;
    };
    const auto greet = [](Connection& peer) {
        std::printf("connected to %s\n", peer.peer().to_string().c_str());
        peer.close();
    };
    const auto started =
        reactor.connect(*server, make_protocol({.on_open = greet}), std::move(options));
    if (!started) std::puts(started.error().message().c_str());
    reactor.run();
    return started ? status : 1;
}
