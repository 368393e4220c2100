// An echo server that sends each client 100,000 bytes a second, the first 10,000 at once. Runs on a
// socket, and in memory, where the clock is simulated and the time is exact.
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/exchange.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/testing/memory.hpp>
#include <switchboard/throttle.hpp>
#include <thread>

using namespace switchboard;
using namespace std::chrono_literals;

int main() {
    const auto echo = callbacks([] {
        return Callbacks{.on_data = [](Connection& peer, MutableBytes in) {
            peer.write(in);
            return in.size();
        }};
    });
    const auto slow = throttled(echo, {.out_per_second = 100'000});
    if (!slow) return std::cerr << slow.error().message() << "\n", 1;
    const std::string text(50'000, 'x');

    Reactor reactor;
    const auto here = reactor.listen(Endpoint::tcp("127.0.0.1", 0), *slow).value();
    std::thread client([&] {
        const auto start = Clock::now();
        const auto reply = exchange(here.local, as_bytes(text)).value();
        const bool in_time = Clock::now() - start >= 398ms;  // a reactor counts in milliseconds
        std::cout << "reactor: " << reply.size() << " bytes, "
                  << (in_time ? "as slow as it should be" : "too fast") << std::endl;
        reactor.post([&] { reactor.stop(); });
    });
    reactor.run();
    client.join();

    testing::MemoryDriver memory;
    testing::MemoryPeer& peer = memory.connect(*slow).send(text);
    const auto start = memory.now();
    while (peer.received().size() < text.size()) memory.advance(1ms);
    std::cout << "memory: " << peer.received().size() << " bytes in "
              << std::chrono::duration_cast<std::chrono::milliseconds>(memory.now() - start).count()
              << " ms\n";
}
