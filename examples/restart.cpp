// A server that is replaced while it serves. Start it again with the same path: the new process takes
// over the listening socket with the clients in its queue, and the old process finishes its connections.
#include <unistd.h>
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/takeover.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

int complain(const Error& error) {
    std::cerr << error.message() << "\n";
    return 1;
}

int main(int argc, char** argv) {
    if (argc != 2) return std::cerr << "usage: restart PATH\n", 2;
    const Endpoint path = Endpoint::unix_path(argv[1]);
    auto begun = Takeover::begin(path);
    if (!begun) return complain(begun.error());
    std::optional<Takeover>& old = *begun;  // empty in the first process
    const Endpoint at = old ? Endpoint::descriptor(old->sockets.at(0).socket.release())
                            : Endpoint::tcp("127.0.0.1", 0);
    Reactor reactor;
    const auto listening = reactor.listen(at, callbacks([] {
                                              return Callbacks{.on_open = [](Connection& peer) {
                                                  peer.write(std::to_string(getpid()) + "\n");
                                                  peer.close();
                                              }};
                                          }));
    if (!listening) return complain(listening.error());

    TakeoverOptions options;
    options.sockets.push_back({"numbers", share(reactor, listening->id).value()});
    if (old) options.path_socket = std::move(old->path_socket);
    options.taken = [&](const PeerCredentials&) {
        std::cout << "taken over" << std::endl;
        reactor.drain(10s, {});
    };
    const auto offered = offer_takeover(reactor, path, std::move(options));
    if (!offered) return complain(offered.error());
    if (old)
        if (const auto ready = old->ready(); !ready) return complain(ready.error());
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
