// A load whose work is known: so many rounds, in each of which the same is said and heard.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <switchboard/endpoint.hpp>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard::bench {

// Blocking and single-threaded. In a round all requests are sent before the first reply is read, so
// that a server on the same CPU finds them all at once, in every run alike. A request is one line;
// replies are checked byte for byte. Over UDP a request is a datagram, and so is its reply; one that
// is lost fails the run. Times out after ten seconds without one (a server under valgrind is slow).
class Lockstep {
public:
    enum class Round : unsigned char {
        echo,     // every connection makes one exchange
        fan_out,  // the last one speaks, and all others hear it; two at least
    };
    // Connects `connections` times, and makes one exchange on each, or one round of a fan-out. Each
    // connection says `greeting` first, which has no reply.
    static Result<Lockstep> open(const Endpoint& server, std::size_t connections, std::size_t size,
                                 Round round = Round::echo, Bytes greeting = {});

    Result<void> run(std::size_t rounds);
    std::size_t connections() const noexcept { return sockets_.size(); }
    void close() noexcept { sockets_.clear(); }

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
