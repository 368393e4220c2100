// TLS with transcripts: what plain bytes get from a server, and a store behind both ends of the layer.
#include <doctest/doctest.h>

#include <switchboard/testing/check.hpp>
#include <switchboard/testing/doctest.hpp>

#include "key_value.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using testing::Transcript;

namespace {

std::error_condition tls_error(tls::errc code) {
    return {static_cast<int>(code), tls::category()};
}

// A Protocol whose peer speaks plain text to `server`: it has the client's end of TLS, and carries the bytes
// between the two ends.
class ThroughTls final : public Protocol {
public:
    ThroughTls(const tls::Client& client, const ProtocolFactory& server)
        : client_(driver_.connect(client.wrap("server.example", make_protocol(plain_end())))),
          server_(driver_.connect(server)) {}

    void on_open(Connection& c) override {
        outer_ = &c;
        carry();
    }
    std::size_t on_data(Connection&, MutableBytes in) override {
        if (inner_ != nullptr) inner_->write(in);
        carry();
        return in.size();
    }
    void on_eof(Connection&) override {
        if (inner_ != nullptr) inner_->shutdown_write();
        carry();
    }

private:
    Callbacks plain_end() {
        return {.on_open = [this](Connection& c) { inner_ = &c; },
                .on_data =
                    [this](Connection&, MutableBytes in) {
                        outer_->write(in);
                        return in.size();
                    },
                .on_close = [this](std::error_code) { inner_ = nullptr; }};
    }

    void carry() {
        for (bool moved = true; moved;) {
            driver_.run();
            const std::string up = client_.take_received(), down = server_.take_received();
            server_.send(up);
            client_.send(down);
            moved = !up.empty() || !down.empty();
            if (server_.saw_reset()) client_.reset();
            if (client_.saw_reset()) server_.reset();
            if (client_.saw_eof() && !std::exchange(fin_up_, true)) {
                server_.shutdown_write();
                moved = true;
            }
            if (server_.saw_eof() && !std::exchange(fin_down_, true)) {
                client_.shutdown_write();
                moved = true;
            }
        }
        driver_.run();
        if (client_.closed() && outer_ != nullptr) outer_->close(client_.close_reason());
    }

    void on_close(std::error_code) noexcept override { outer_ = nullptr; }

    Connection* outer_ = nullptr;
    Connection* inner_ = nullptr;
    testing::MemoryDriver driver_;
    testing::MemoryPeer& client_;
    testing::MemoryPeer& server_;
    bool fin_up_ = false, fin_down_ = false;
};

}  // namespace

TEST_CASE("TLS: a peer that does not speak it, or not for long") {
    const tls::Server server = test::make_server();
    const auto layer = [&](ProtocolFactory above) { return server.wrap(std::move(above)); };
    CHECK_LAYER(layer, factory_of<test::KeyValue>(),
                {Transcript("nothing").end().closes(),
                 Transcript("not TLS").send("hello\n").closes(tls_error(tls::errc::not_tls)),
                 Transcript("silence")
                     .wait(std::chrono::minutes(1))
                     .closes(tls_error(tls::errc::handshake_timed_out))},
                {.most_runs = 100});
}

TEST_CASE("TLS: a store behind both ends") {
    const tls::Server server = test::make_server();
    const tls::Client client = test::make_client();
    const auto through = [&]() -> std::unique_ptr<Protocol> {
        return std::make_unique<ThroughTls>(client, server.wrap(factory_of<test::KeyValue>()));
    };
    std::vector<Transcript> talks = test::key_value_transcripts();
    std::erase_if(talks,
                  [](const Transcript& each) {  // the client neither waits nor knows the error
                      return each.name() == "silence" || each.name() == "a line without end";
                  });
    CHECK_TRANSCRIPTS(through, talks, {.most_runs = 10, .random_runs = 4});
}
