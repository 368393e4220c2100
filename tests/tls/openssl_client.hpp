// OpenSSL's own client at a server in memory.
#pragma once

#include "tls_client.hpp"
#include "tls_ends.hpp"

namespace switchboard::test {

inline TlsClientOptions openssl_options(int version = TLS1_3_VERSION,
                                        const std::string& name = "server.example") {
    return {.trust_pem = authority().pem(), .name = name, .version = version};
}

// One connection to a server, whose bytes it carries.
class OpensslMeeting {
public:
    OpensslMeeting(const tls::Server& at, const TlsClientOptions& options,
                   EndOptions server_does = {.echoes = true})
        : client(options), far_(driver_.connect(at.wrap(end(server, std::move(server_does))))) {
        carry();
    }

    Seen server;
    TlsClient client;

    testing::MemoryDriver& driver() { return driver_; }
    testing::MemoryPeer& far() { return far_; }
    void carry() {
        for (bool moved = true; moved;) {
            const std::string up = client.take_output();
            if (!up.empty()) far_.send(up);
            driver_.run();
            const std::string down = far_.take_received();
            if (!down.empty()) client.feed(down);
            moved = !up.empty() || !down.empty();
        }
    }
    std::string echo(const std::string& text) {
        client.write(text);
        carry();
        return std::exchange(client.text(), "");
    }

private:
    testing::MemoryDriver driver_;
    testing::MemoryPeer& far_;
};

}  // namespace switchboard::test
