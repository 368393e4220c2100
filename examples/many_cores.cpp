// An echo server on every core. Each thread has a reactor; the system distributes the connections over
// them.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/reactor_group.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/signals.hpp>
#include <thread>

using namespace switchboard;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
    const std::size_t wanted = argc > 1 ? std::strtoul(argv[1], nullptr, 10)  // reactors
                                        : std::thread::hardware_concurrency();
    // Called on all threads, so state that handlers share would have to be thread-safe.
    const auto echo = callbacks([] {
        return Callbacks{.on_data = [](Connection& peer, MutableBytes in) {
            peer.write(in);
            return in.size();
        }};
    });
    ReactorGroup group(std::max<std::size_t>(wanted, 1), {.pin = true});
    const auto listening = group.listen(Endpoint::tcp("127.0.0.1", 0), echo);
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    const auto armed = on_signal(group[0], SIGTERM, [&] { group.drain(10s, {}); });
    if (!armed) return std::cerr << armed.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    group.run();
    for (std::size_t i = 0; i < group.size(); ++i)
        std::cout << "reactor " << i << ": " << collect_stats(group[i]).accepted << " accepted\n";
}
