// A proxy: connects each client to the target, and copies bytes both ways until both have ended.
#include <iostream>
#include <switchboard/reactor_coroutine.hpp>

using namespace switchboard;

namespace {

Task<> copy(Stream& from, Stream& to) {
    while (const auto in = co_await from.read_some()) {
        if (!to.write(*in)) co_await to.drain();
    }
    to.shutdown_write();
}

Task<> proxy(Stream& client, Reactor& reactor, const Endpoint& target) {
    const auto session = [&client](Stream& server) -> Task<> {
        // Each side is read even if it takes nothing itself for now.
        client.set_reads_under_backpressure(true);
        server.set_reads_under_backpressure(true);
        co_await when_all(copy(client, server), copy(server, client));
    };
    const auto ended = co_await converse(reactor, target, session);
    if (!ended) client.abort(ended.error());
}

}  // namespace

int main(int argc, char** argv) {
    const auto target = Endpoint::parse(argc == 2 ? argv[1] : "");
    if (!target) return std::cerr << "usage: proxy TARGET\n", 2;
    Reactor reactor;
    const auto session = [&](Stream& client) { return proxy(client, reactor, *target); };
    const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), coroutine(session));
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
