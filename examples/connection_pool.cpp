// Sends ten requests over two connections, which are reused.
#include <cstdio>
#include <switchboard/callbacks.hpp>
#include <switchboard/connection_pool.hpp>
#include <switchboard/reactor_stats.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

int main() {
    Reactor reactor;
    const auto echo = callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
            c.write(in);
            return in.size();
        }};
    });
    const auto server = reactor.listen(Endpoint::tcp("127.0.0.1", 0), echo).value();
    ConnectionPool pool(reactor, {.max_per_endpoint = 2});
    int answers = 0;
    const auto ask = [&](Result<ConnectionPool::Lease> lent) {
        const auto lease = std::make_shared<ConnectionPool::Lease>(std::move(lent.value()));
        lease->connection()->switch_to(
            make_protocol({.on_open = [](Connection& c) { c.write("x"); },
                           .on_data =
                               [&, lease](Connection&, MutableBytes in) {
                                   lease->release();
                                   if (++answers == 10) reactor.stop();
                                   return in.size();
                               }}));
    };
    for (int i = 0; i < 10; ++i) pool.acquire(server.local, 5s, ask);
    reactor.run();
    std::printf("%d answers over %d connections\n", answers,
                static_cast<int>(collect_stats(reactor).connected));
}
