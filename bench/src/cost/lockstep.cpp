#include "cost/lockstep.hpp"

#include <algorithm>
#include <string>
#include <switchboard/bind_datagram.hpp>

namespace switchboard::bench {
namespace {

constexpr std::chrono::seconds kMostWait(10);

Result<Socket> open_socket(const Endpoint& server) {
    return server.kind() == Endpoint::Kind::udp ? connect_datagram(server)
                                                : connect(server, kMostWait);
}

}  // namespace

Lockstep::Lockstep(std::size_t size, Round round) : round_(round), request_(size), reply_(size) {
    for (std::size_t i = 0; i < size; ++i) request_[i] = static_cast<std::byte>('a' + i * 37 % 26);
    request_.back() = std::byte{'\n'};
}

Result<Lockstep> Lockstep::open(const Endpoint& server, std::size_t connections, std::size_t size,
                                Round round, Bytes greeting) {
    Lockstep load(size, round);
    for (std::size_t i = 0; i < connections; ++i) {
        if (auto made = load.connect_to(server, greeting); !made)
            return tl::unexpected(made.error());
    }
    if (round == Round::fan_out) {
        if (auto ran = load.run_round(); !ran) return tl::unexpected(ran.error());
    }
    return load;
}

Result<void> Lockstep::connect_to(const Endpoint& server, Bytes greeting) {
    auto socket = open_socket(server);
    if (!socket) return tl::unexpected(socket.error());
    if (auto set = socket->set_timeouts(kMostWait, kMostWait); !set) return set;
    if (auto sent = greeting.empty() ? Result<void>() : socket->send_all(greeting); !sent)
        return sent;
    sockets_.push_back(*std::move(socket));
    if (round_ == Round::fan_out) return {};
    const auto newest = std::span<const Socket>(sockets_).last(1);
    return exchange(newest, newest);
}

Result<void> Lockstep::run(std::size_t rounds) {
    for (std::size_t round = 0; round < rounds; ++round) {
        if (auto ran = run_round(); !ran) return ran;
    }
    return {};
}

Result<void> Lockstep::run_round() {
    const std::span<const Socket> all(sockets_);
    if (round_ == Round::echo) return exchange(all, all);
    return exchange(all.last(1), all.first(all.size() - 1));
}

Result<void> Lockstep::exchange(std::span<const Socket> speakers, std::span<const Socket> hearers) {
    for (const Socket& socket : speakers) {
        if (auto sent = socket.send_all(request_); !sent) return sent;
    }
    for (const Socket& socket : hearers) {
        if (auto reply = expect_reply(socket); !reply) return reply;
    }
    return {};
}

Result<void> Lockstep::expect_reply(const Socket& socket) {
    for (std::size_t have = 0; have < reply_.size();) {
        const auto got = socket.receive(MutableBytes(reply_).subspan(have));
        if (!got) return tl::unexpected(got.error());
        if (*got == 0) return fail(errc::incomplete_message, "receive a reply");
        have += *got;
    }
    if (reply_ == request_) return {};
    return fail(errc::malformed_message, "compare a reply");
}

}  // namespace switchboard::bench
