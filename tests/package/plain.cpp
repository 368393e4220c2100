// A program without exceptions and run-time types, as game engines and embedded systems build them:
// includes what the package installs, implements its interfaces and runs.
#include <cstdio>
#include <switchboard/blocking.hpp>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/message_handler.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_exchange.hpp>
#include <switchboard/relay.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

using namespace switchboard;

struct Shout final : LineHandler {
    void on_line(Connection& peer, std::string_view line) override {
        peer.write(line);
        peer.write("!\n");
    }
};

int main() {
    Reactor reactor;
    const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), factory_of<Shout>());
    if (!listening) return 1;
    bool right = false;
    const auto request = as_bytes("hello\n");
    exchange(reactor, listening->local, {request.begin(), request.end()},
             {.reply_framing = Framing::delimited("\n")}, [&](const auto& reply) {
                 right = reply && as_text(*reply) == "hello!\n";
                 reactor.stop();
             });
    reactor.run();
    std::puts(right ? "hello!" : "wrong");
    return right ? 0 : 1;
}
