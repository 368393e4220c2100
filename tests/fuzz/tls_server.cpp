// Whatever a client sends before, instead of and after a handshake, in pieces of any size: the server neither
// crashes nor keeps the connection after an error. The first byte of the input says how the rest is sent.
#include <switchboard/callbacks.hpp>
#include <switchboard/testing/memory.hpp>

#include "certificates.hpp"
#include "fuzz.hpp"

namespace {

using namespace switchboard;

ProtocolFactory echo() {
    return callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
            c.write(in);
            return in.size();
        }};
    });
}

struct Ends {
    tls::Server server;
    tls::Client client;
};

Ends make_ends() {
    const test::Authority authority;
    tls::ServerOptions options;
    options.certificates = {authority.issue({.names = "DNS:server.example"})};
    options.handshakes_per_turn = 0;  // the clock stands still
    tls::ClientOptions trusting;
    trusting.common.trust_pem = authority.pem();
    trusting.max_sessions = 0;
    return {*tls::Server::make(std::move(options)), *tls::Client::make(std::move(trusting))};
}

// Carries bytes between both peers until the handshake is done.
void shake_hands(testing::MemoryDriver& driver, testing::MemoryPeer& from,
                 testing::MemoryPeer& to) {
    for (bool moved = true; moved;) {
        driver.run();
        const std::string up = from.take_received(), down = to.take_received();
        moved = !up.empty() || !down.empty();
        if (!up.empty()) to.send(up);
        if (!down.empty()) from.send(down);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Ends ends = make_ends();
    if (size == 0) return 0;
    const unsigned how = data[0];
    const std::string_view input = fuzz::as_text(data + 1, size - 1);
    testing::MemoryDriver driver;
    auto& server = driver.connect(ends.server.wrap(echo()));
    if ((how & 1U) != 0) {
        auto& client = driver.connect(ends.client.wrap("server.example", echo()()));
        shake_hands(driver, client, server);
        fuzz::require(server.connection() != nullptr, "the handshake failed");
    }
    const std::size_t piece = 1 + (how >> 1U) * 16;
    for (std::size_t at = 0; at < input.size(); at += piece) {
        server.send(input.substr(at, piece));
        driver.run();
    }
    server.shutdown_write();
    driver.run();
    fuzz::require(server.closed(), "the connection is open after its end");
    fuzz::require(server.writes_after_close() == 0, "a write after close");
    return 0;
}
