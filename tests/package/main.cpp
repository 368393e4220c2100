// Touches every library of the package, so that one which is not exported fails to link.
#include <cstdio>
#include <switchboard/exchange.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/message_handler.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/relay.hpp>
#include <switchboard/testing/memory.hpp>

int main() {
    using namespace switchboard;
    Registry registry;
    register_inetd(registry, [] { return WallTime{}; });
    register_relay(registry);
    Reactor reactor;
    const auto echo = registry.make("echo", {}, {.reactor = &reactor}).value();
    const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), echo).value();
    std::string answer;
    const auto request = as_bytes("hello");
    reactor
        .connect(listening.local, make_exchange({request.begin(), request.end()}, {},
                                                [&](auto reply) {
                                                    answer = as_text(reply.value());
                                                    reactor.stop();
                                                }))
        .value();
    reactor.run();
    testing::MemoryDriver memory;
    const auto& peer = memory.connect(echo).send("hello");
    memory.run();
    std::puts(answer.c_str());
    return answer == "hello" && peer.received() == "hello" ? 0 : 1;
}
