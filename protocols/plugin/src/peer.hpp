// Peer: the connection of the host, as a Protocol in the plugin knows it.
#pragma once

#include <switchboard/plugin.h>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <switchboard/connection.hpp>

namespace switchboard::plugin {

// The table of the host, set by start().
inline const sb_host* host = nullptr;

// Asks the host for the text of an endpoint.
template <class Ask>
Endpoint read_endpoint(Ask ask) {
    std::string text(256, '\0');
    const std::size_t length = ask(text.data(), text.size());
    text.resize(std::min(length, text.size() - 1));
    return Endpoint::parse(text).value_or(Endpoint());
}

class Peer final : public Connection {
public:
    explicit Peer(sb_peer* peer) noexcept : peer_(peer) {}

    using Connection::write;
    bool write(std::span<const Bytes> pieces) override;
    bool write(Bytes piece) override { return host->write(peer_, piece.data(), piece.size()) != 0; }
    bool write_shared(SharedBytes buffer) override;
    void send_file(FileRange range) override;
    void shutdown_write() override { host->shutdown_write(peer_); }
    void close(std::error_code reason) override;
    void abort(std::error_code reason) override;
    void pause_reading() override { host->pause_reading(peer_); }
    void resume_reading() override { host->resume_reading(peer_); }
    Clock::time_point now() const override {
        return Clock::time_point(std::chrono::nanoseconds(host->now(peer_)));
    }
    void set_deadline(Clock::time_point when) override {
        host->set_deadline(peer_, std::chrono::nanoseconds(when.time_since_epoch()).count());
    }
    void switch_to(std::unique_ptr<Protocol> next) override;
    std::size_t queued() const noexcept override { return host->queued(peer_); }
    bool closing() const noexcept override { return host->closing(peer_) != 0; }
    const Endpoint& peer() const override { return endpoints().peer; }
    const Endpoint& local() const override { return endpoints().local; }
    [[nodiscard]] Result<PeerCredentials> peer_credentials() const override;
    std::optional<Security> security() const override;
    ConnectionId id() const override;

private:
    struct Endpoints {
        Endpoint peer, local;
    };
    const Endpoints& endpoints() const;

    sb_peer* peer_;
    mutable std::unique_ptr<const Endpoints> endpoints_;  // null until they are asked for
};

}  // namespace switchboard::plugin
