// A load of known work: so many rounds, each with the same requests and replies.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <switchboard/endpoint.hpp>
#include <vector>

#include "cost/wire.hpp"

namespace switchboard::bench {

// What each connection says, and what it must hear.
struct Dialogue {
    std::string greeting = {};      // sent once, before the first request
    std::string greeting_end = {};  // how its reply ends; empty: it has none
    std::string request;            // empty: the connection says nothing more
    std::string reply;              // or its end, if its head is not known before
    std::size_t depth = 1;          // requests that are sent together
    bool has_head = false;          // of always the same size; the first exchange tells which
    bool tls = false;               // all of it is encrypted
    bool is_fan_out = false;        // the last connection sends, all others receive; at least two
};
Dialogue echo_dialogue(std::size_t size);  // one line

// Blocking and single-threaded. In a round all requests are sent before the first reply is read, so that a
// server on the same CPU finds them all at once in every run. Replies are checked byte for byte, except for
// their heads. Over UDP a request is a datagram, and so is its reply; a lost one fails the run.
class Lockstep {
public:
    // Connects `connections` times, and makes the exchanges of one round on each, or one round of a fan-out.
    static Result<Lockstep> open(const Endpoint& server, std::size_t connections,
                                 Dialogue dialogue);

    Result<void> run(std::size_t rounds);

private:
    explicit Lockstep(Dialogue dialogue) : dialogue_(std::move(dialogue)) {}
    Result<void> connect_to(const Endpoint& server);
    Result<void> greet(const Wire& wire);
    Result<void> learn_reply(const Wire& wire);
    Result<void> exchange(std::span<const Wire> speakers, std::span<const Wire> hearers);
    Result<void> run_round();
    Result<void> expect_reply(const Wire& wire);

    Dialogue dialogue_;
    std::vector<Wire> wires_;
    std::string requests_;           // `depth` of them
    std::vector<std::byte> buffer_;  // for one reply; its size is that of the reply
};

}  // namespace switchboard::bench
