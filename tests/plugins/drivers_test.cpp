// One file of a plugin, under every driver.
#include "../contract/suite.hpp"
#include "plugins.hpp"

using namespace switchboard;

CONTRACT("plugins in C and in C++ serve under every driver") {
    Registry registry;
    test::load_from(test::plugin_path("commands"), registry);
    test::load_from(test::plugin_path("keyvalue"), registry);
    const ProtocolFactory store = test::factory_from(registry, "kv");
    const ProtocolFactory commands = test::factory_from(registry, "commands");
    // The first byte of a connection says which it is for.
    driver.start(callbacks([&] {
                     return Callbacks{.on_data = [&](Connection& peer, MutableBytes in) {
                         peer.switch_to(in[0] == std::byte{'k'} ? store() : commands());
                         return std::size_t{1};
                     }};
                 }),
                 {});
    {
        auto peer = driver.connect();
        peer->send("kput a 1\nget a\n");
        CHECK(peer->receive(5) == "ok\n1\n");
        peer->shutdown_write();
        CHECK(peer->end() == Peer::End::eof);
    }
    {
        auto peer = driver.connect();
        peer->send("cwpsfd");
        const std::string all =
            "hi 1 2048 3000 2;written;abcdefghijklmnopqrstshared;ELFwritable;deadline;";
        CHECK(peer->receive(all.size()) == all);
        peer->shutdown_write();
        CHECK(peer->receive_all() == "eof;");
    }
    driver.drain();
}
