// A load of known work: so many rounds, each with the same requests and replies.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <switchboard/endpoint.hpp>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard::bench {

// Blocking and single-threaded. In a round all requests are sent before the first reply is read, so that a
// server on the same CPU finds them all at once in every run. A request is one line; replies are checked byte
// for byte. Over UDP a request is a datagram, and so is its reply; a lost one fails the run. Times out after
// ten seconds without a reply (a server under valgrind is slow).
class Lockstep {
public:
    enum class Round : unsigned char {
        echo,     // every connection makes one exchange
        fan_out,  // the last one sends, all others receive; at least two
    };
    // Connects `connections` times, and makes one exchange on each, or one round of a fan-out. Each
    // connection sends `greeting` first, which has no reply.
    static Result<Lockstep> open(const Endpoint& server, std::size_t connections, std::size_t size,
                                 Round round = Round::echo, Bytes greeting = {});

    Result<void> run(std::size_t rounds);

private:
    Lockstep(std::size_t size, Round round);
    Result<void> connect_to(const Endpoint& server, Bytes greeting);
    Result<void> exchange(std::span<const Socket> speakers, std::span<const Socket> hearers);
    Result<void> run_round();
    Result<void> expect_reply(const Socket& socket);

    Round round_;
    std::vector<Socket> sockets_;
    std::vector<std::byte> request_, reply_;
};

}  // namespace switchboard::bench
