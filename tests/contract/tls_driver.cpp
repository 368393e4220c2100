// TLS between a driver and the handlers of the suite. The peers speak TLS by OpenSSL's own client.
#include <switchboard/tls.hpp>

#include <thread>

#include "certificates.hpp"
#include "drivers.hpp"
#include "tls_client.hpp"

using namespace switchboard;

namespace {

constexpr std::size_t kRecordHeader = 5;
constexpr int kTickets = 2;  // of OpenSSL's servers, after a handshake of TLS 1.3

const test::Authority& tls_authority() {
    static const test::Authority made;
    return made;
}

class TlsPeer final : public Peer {
public:
    TlsPeer(std::unique_ptr<Peer> wire, bool has_thread)
        : wire_(std::move(wire)),
          has_thread_(has_thread),
          client_({.trust_pem = tls_authority().pem()}) {
        do flush();
        while (!client_.shaken() && read_record());
    }
    // Like close(2): input that is left unread is answered with a reset.
    ~TlsPeer() override {
        while (!is_over_ && client_.tickets() < kTickets && read_record()) {
        }
        client_.text().empty() ? close_notify() : wire_->reset();
    }

    void send(std::string_view text) override {
        client_.write(text);
        flush();
    }
    void shutdown_write() override {
        close_notify();
        wire_->shutdown_write();
    }
    void reset() override {
        is_over_ = true;
        wire_->reset();
    }

    std::string receive(std::size_t count) override {
        while (client_.text().size() < count && !client_.peer_closed() && read_record()) {
        }
        std::string got = client_.text().substr(0, count);
        client_.text().erase(0, got.size());
        return got;
    }
    std::string receive_all() override { return receive(std::string::npos); }
    End end() override {
        CHECK(receive(1) == "");
        const End how = wire_->end();
        CHECK((how == End::eof) == client_.peer_closed());
        return how;
    }

    std::string round_trip(const std::string& text) override {
        client_.write(text);
        const std::string records = client_.take_output();
        if (!has_thread_) {
            wire_->send(records);
            return receive(text.size());
        }
        std::thread sender([&] { wire_->send(records); });
        std::string reply = receive(text.size());
        sender.join();
        return reply;
    }

private:
    void flush() {
        if (const std::string records = client_.take_output(); !records.empty())
            wire_->send(records);
    }
    void close_notify() {
        if (std::exchange(is_over_, true)) return;
        client_.close_notify();
        flush();
    }
    bool read_record() {
        if (wire_ended_) return false;
        const std::string header = wire_->receive(kRecordHeader);
        wire_ended_ = header.size() < kRecordHeader;
        if (wire_ended_) return false;
        const auto byte = [&](std::size_t at) {
            return std::size_t{static_cast<unsigned char>(header[at])};
        };
        const std::size_t size = byte(3) << 8U | byte(4);
        const std::string record = wire_->receive(size);
        client_.feed(header + record);
        flush();
        CHECK(client_.error() == "");
        wire_ended_ = record.size() < size;
        return !wire_ended_;
    }

    std::unique_ptr<Peer> wire_;
    const bool has_thread_;
    test::TlsClient client_;
    bool is_over_ = false;     // nothing more is sent
    bool wire_ended_ = false;  // and was read to its end, which a socket tells only once
};

}  // namespace

ProtocolFactory encrypted(ProtocolFactory factory, Limits limits) {
    tls::ServerOptions options;
    options.common.limits = limits.connection;
    options.certificates = {tls_authority().issue({.names = "DNS:server.example"})};
    options.handshakes_per_turn = 0;
    auto made = tls::Server::make(std::move(options));
    REQUIRE_MESSAGE(made.has_value(), made.error().message());
    return made->wrap(std::move(factory));
}

std::unique_ptr<Peer> encrypted(std::unique_ptr<Peer> peer, bool has_thread) {
    return std::make_unique<TlsPeer>(std::move(peer), has_thread);
}
