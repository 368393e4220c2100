// TLS over sockets of the loopback address: under a reactor and under threads.
#include <switchboard/blocking.hpp>
#include <switchboard/reactor.hpp>

#include <thread>

#include "loopback.hpp"
#include "text.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

ProtocolFactory plain_echo() {
    return callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
            c.write(in);
            return in.size();
        }};
    });
}

// Sends `text` to an echo at `at`, and checks what comes back.
void check_echo(Reactor& reactor, const Endpoint& at, const std::string& text) {
    Seen seen;
    Callbacks made = seeing(seen, {.sends = text, .ends_output = true});
    made.on_close = [&reactor, &seen](std::error_code why) {
        seen.closed = true;
        seen.reason = why;
        reactor.stop();
    };
    const auto client = make_client();
    const auto factory = callbacks([&made] { return made; });
    REQUIRE(reactor.connect(at, client.wrap("127.0.0.1", factory())));
    reactor.run();
    CHECK((seen.text == text));
    CHECK_FALSE(seen.reason);
    CHECK(seen.calls == "open eof ");
}

}  // namespace

TEST_CASE("TLS: an echo of 300,000 bytes between two connections of a reactor") {
    Reactor reactor;
    const auto listening =
        reactor.listen(endpoint("127.0.0.1:0"), make_server().wrap(plain_echo()));
    REQUIRE(listening);
    check_echo(reactor, listening->local, numbers(300'000));
}

TEST_CASE("TLS: an echo of 300,000 bytes from a server with threads") {
    Listener listener;
    auto stop = Stop::create();
    REQUIRE(stop);
    std::thread server([&] {
        const auto served =
            serve_threads(std::move(listener.socket), make_server().wrap(plain_echo()), *stop);
        CHECK(served.has_value());
    });
    {
        Reactor reactor;
        for (int i = 0; i < 3; ++i) check_echo(reactor, listener.at, numbers(300'000));
    }
    stop->drain();
    server.join();
}
