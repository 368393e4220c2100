// The smallest server: an echo on one thread for any number of clients.
#include <cstdio>
#include <switchboard/callbacks.hpp>
#include <switchboard/reactor.hpp>

using namespace switchboard;

int main() {
    auto echo = callbacks([] {
        return Callbacks{.on_data = [](Connection& peer, MutableBytes in) {
            peer.write(in);
            return in.size();
        }};
    });
    Reactor reactor;
    const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), echo);
    if (!listening) {
        std::puts(listening.error().message().c_str());
        return 1;
    }
    std::printf("listening on %s\n", listening->local.to_string().c_str());
    std::fflush(stdout);
    reactor.run();
}
