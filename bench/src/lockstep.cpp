#include "lockstep.hpp"

#include <algorithm>
#include <string>
#include <switchboard/datagram_socket.hpp>

namespace switchboard::bench {
namespace {

constexpr std::chrono::seconds kPatience(10);

Result<Socket> open_socket(const Endpoint& server) {
    return server.kind() == Endpoint::Kind::udp ? connect_datagram(server)
                                                : connect(server, kPatience);
}

}  // namespace

Lockstep::Lockstep(std::size_t size) : request_(size), reply_(size) {
    for (std::size_t i = 0; i < size; ++i) request_[i] = static_cast<std::byte>(i * 37 + 11);
}

Result<Lockstep> Lockstep::open(const Endpoint& server, std::size_t connections, std::size_t size) {
    Lockstep load(size);
    for (std::size_t i = 0; i < connections; ++i) {
        auto socket = open_socket(server);
        if (!socket) return tl::unexpected(socket.error());
        if (auto set = socket->set_timeouts(kPatience, kPatience); !set) {
            return tl::unexpected(set.error());
        }
        load.sockets_.push_back(*std::move(socket));
        if (auto sent = load.sockets_.back().send_all(load.request_); !sent) {
            return tl::unexpected(sent.error());
        }
        if (auto reply = load.expect_reply(load.sockets_.back()); !reply) {
            return tl::unexpected(reply.error());
        }
    }
    return load;
}

Result<void> Lockstep::run(std::size_t rounds) {
    for (std::size_t round = 0; round < rounds; ++round) {
        for (const Socket& socket : sockets_) {
            if (auto sent = socket.send_all(request_); !sent) return sent;
        }
        for (const Socket& socket : sockets_) {
            if (auto reply = expect_reply(socket); !reply) return reply;
        }
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
