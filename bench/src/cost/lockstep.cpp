#include "cost/lockstep.hpp"

#include <openssl/ssl.h>
#include <array>
#include <memory>
#include <string>
#include <switchboard/bind_datagram.hpp>

namespace switchboard::bench {
namespace {

constexpr std::chrono::seconds kMostWait(10);
constexpr std::size_t kMostUnknown = 2 * 1024 * 1024;  // of a reply whose size is not known

Result<Socket> open_socket(const Endpoint& server) {
    return server.kind() == Endpoint::Kind::udp ? connect_datagram(server)
                                                : connect(server, kMostWait);
}

// Receives until `end` has come.
Result<std::string> receive_until(const Socket& socket, const std::string& end) {
    std::string all;
    while (!all.ends_with(end)) {
        std::array<std::byte, 4096> piece;
        const auto got = socket.receive(piece);
        if (!got) return tl::unexpected(got.error());
        if (*got == 0) return fail(errc::incomplete_message, "receive a reply");
        all += as_text(Bytes(piece).first(*got));
        if (all.size() > kMostUnknown) return fail(errc::malformed_message, "receive a reply");
    }
    return all;
}

Result<void> shake_hands(const Socket& socket) {
    static SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context), SSL_free);
    if (ssl && SSL_set_fd(ssl.get(), socket.fd()) == 1 && SSL_connect(ssl.get()) == 1) return {};
    return fail(errc::malformed_message, "make a handshake of TLS");
}

}  // namespace

Dialogue echo_dialogue(std::size_t size) {
    std::string line(size, '\n');
    for (std::size_t i = 0; i + 1 < size; ++i) line[i] = static_cast<char>('a' + i * 37 % 26);
    return {.request = line, .reply = line};
}

Result<Lockstep> Lockstep::open(const Endpoint& server, std::size_t connections,
                                Dialogue dialogue) {
    Lockstep load(std::move(dialogue));
    for (std::size_t i = 0; i < load.dialogue_.depth; ++i) load.requests_ += load.dialogue_.request;
    if (!load.dialogue_.has_head) load.buffer_.resize(load.dialogue_.reply.size());
    for (std::size_t i = 0; i < connections; ++i) {
        if (auto made = load.connect_to(server); !made) return tl::unexpected(made.error());
    }
    if (load.dialogue_.is_fan_out) {
        if (auto ran = load.run_round(); !ran) return tl::unexpected(ran.error());
    }
    return load;
}

Result<void> Lockstep::connect_to(const Endpoint& server) {
    auto socket = open_socket(server);
    if (!socket) return tl::unexpected(socket.error());
    if (auto set = socket->set_timeouts(kMostWait, kMostWait); !set) return set;
    if (auto greeted = greet(*socket); !greeted) return greeted;
    if (dialogue_.request.empty()) {
        sockets_.push_back(*std::move(socket));
        return {};
    }
    if (buffer_.empty()) {
        if (auto known = learn_reply(*socket); !known) return known;
    }
    sockets_.push_back(*std::move(socket));
    if (dialogue_.is_fan_out) return {};
    const auto newest = std::span<const Socket>(sockets_).last(1);
    return exchange(newest, newest);
}

Result<void> Lockstep::greet(const Socket& socket) {
    if (dialogue_.is_tls) return shake_hands(socket);
    if (dialogue_.greeting.empty()) return {};
    auto sent = socket.send_all(as_bytes(dialogue_.greeting));
    if (!sent || dialogue_.greeting_end.empty()) return sent;
    return receive_until(socket, dialogue_.greeting_end).map([](const std::string&) {});
}

Result<void> Lockstep::learn_reply(const Socket& socket) {
    if (auto sent = socket.send_all(as_bytes(dialogue_.request)); !sent) return sent;
    return receive_until(socket, dialogue_.reply).map([&](const std::string& reply) {
        buffer_.resize(reply.size());
    });
}

Result<void> Lockstep::run(std::size_t rounds) {
    for (std::size_t round = 0; round < rounds; ++round) {
        if (auto ran = run_round(); !ran) return ran;
    }
    return {};
}

Result<void> Lockstep::run_round() {
    const std::span<const Socket> all(sockets_);
    if (!dialogue_.is_fan_out) return exchange(all, all);
    return exchange(all.last(1), all.first(all.size() - 1));
}

Result<void> Lockstep::exchange(std::span<const Socket> speakers, std::span<const Socket> hearers) {
    for (const Socket& socket : speakers) {
        if (auto sent = socket.send_all(as_bytes(requests_)); !sent) return sent;
    }
    for (const Socket& socket : hearers) {
        for (std::size_t i = 0; i < dialogue_.depth; ++i) {
            if (auto reply = expect_reply(socket); !reply) return reply;
        }
    }
    return {};
}

Result<void> Lockstep::expect_reply(const Socket& socket) {
    for (std::size_t have = 0; have < buffer_.size();) {
        const auto got = socket.receive(MutableBytes(buffer_).subspan(have));
        if (!got) return tl::unexpected(got.error());
        if (*got == 0) return fail(errc::incomplete_message, "receive a reply");
        have += *got;
    }
    if (as_text(buffer_).ends_with(dialogue_.reply)) return {};
    return fail(errc::malformed_message, "compare a reply");
}

}  // namespace switchboard::bench
