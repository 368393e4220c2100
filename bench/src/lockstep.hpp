// A load whose work is known: so many rounds, in each of which every connection makes one exchange.
#pragma once

#include <chrono>
#include <cstddef>
#include <switchboard/endpoint.hpp>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard::bench {

// Blocking and single-threaded. In a round all requests are sent before the first reply is read, so
// that a server on the same CPU finds them all at once, in every run alike. Replies are checked byte
// for byte. Over UDP a request is a datagram, and so is its reply; one that is lost fails the run.
// Times out after ten seconds without one (a server under valgrind is slow).
class Lockstep {
public:
    // Connects `connections` times, and makes one exchange on each.
    static Result<Lockstep> open(const Endpoint& server, std::size_t connections, std::size_t size);

    Result<void> run(std::size_t rounds);
    std::size_t connections() const noexcept { return sockets_.size(); }
    void close() noexcept { sockets_.clear(); }

private:
    explicit Lockstep(std::size_t size);
    Result<void> expect_reply(const Socket& socket);

    std::vector<Socket> sockets_;
    std::vector<std::byte> request_, reply_;
};

}  // namespace switchboard::bench
