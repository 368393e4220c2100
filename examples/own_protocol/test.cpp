// Tests Sum in memory, without sockets, threads or waiting.
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

#include "sum.hpp"

using namespace switchboard;

int main() {
    testing::MemoryDriver driver;
    testing::MemoryPeer& peer = driver.connect(factory_of<Sum>());
    peer.send("1 2").send("0 3\n4 five\n");  // in any pieces
    driver.run();
    if (peer.received() != "24\nnot a number\n")
        return std::cerr << "received: " << peer.received(), 1;

    const auto cut = testing::check_deliveries(factory_of<Sum>(), "1 2\n3\n\n");
    const auto random = testing::check_robustness(factory_of<Sum>(), 100);
    if (cut.empty() && random.empty()) return 0;
    std::cerr << cut << "\n" << random << "\n";
    return 1;
}
