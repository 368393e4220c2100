#include "cost/lockstep.hpp"

#include <array>
#include <string>

namespace switchboard::bench {
namespace {

constexpr std::size_t kMostUnknown = 2 * 1024 * 1024;  // of a reply whose size is not known

// Receives until `end` has come.
Result<std::string> receive_until(const Wire& wire, const std::string& end) {
    std::string all;
    while (!all.ends_with(end)) {
        std::array<std::byte, 4096> piece;
        const auto got = wire.receive(piece);
        if (!got) return tl::unexpected(got.error());
        all += as_text(Bytes(piece).first(*got));
        if (all.size() > kMostUnknown) return fail(errc::malformed_message, "receive a reply");
    }
    return all;
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
    auto wire = Wire::open(server, dialogue_.tls);
    if (!wire) return tl::unexpected(wire.error());
    if (auto greeted = greet(*wire); !greeted) return greeted;
    if (dialogue_.request.empty()) {
        wires_.push_back(*std::move(wire));
        return {};
    }
    if (buffer_.empty()) {
        if (auto known = learn_reply(*wire); !known) return known;
    }
    wires_.push_back(*std::move(wire));
    if (dialogue_.is_fan_out) return {};
    const auto newest = std::span<const Wire>(wires_).last(1);
    return exchange(newest, newest);
}

Result<void> Lockstep::greet(const Wire& wire) {
    if (dialogue_.greeting.empty()) return {};
    auto sent = wire.send_all(as_bytes(dialogue_.greeting));
    if (!sent || dialogue_.greeting_end.empty()) return sent;
    return receive_until(wire, dialogue_.greeting_end).map([](const std::string&) {});
}

Result<void> Lockstep::learn_reply(const Wire& wire) {
    if (auto sent = wire.send_all(as_bytes(dialogue_.request)); !sent) return sent;
    return receive_until(wire, dialogue_.reply).map([&](const std::string& reply) {
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
    const std::span<const Wire> all(wires_);
    if (!dialogue_.is_fan_out) return exchange(all, all);
    return exchange(all.last(1), all.first(all.size() - 1));
}

Result<void> Lockstep::exchange(std::span<const Wire> speakers, std::span<const Wire> hearers) {
    for (const Wire& wire : speakers) {
        if (auto sent = wire.send_all(as_bytes(requests_)); !sent) return sent;
    }
    for (const Wire& wire : hearers) {
        for (std::size_t i = 0; i < dialogue_.depth; ++i) {
            if (auto reply = expect_reply(wire); !reply) return reply;
        }
    }
    return {};
}

Result<void> Lockstep::expect_reply(const Wire& wire) {
    for (std::size_t have = 0; have < buffer_.size();) {
        const auto got = wire.receive(MutableBytes(buffer_).subspan(have));
        if (!got) return tl::unexpected(got.error());
        have += *got;
    }
    if (as_text(buffer_).ends_with(dialogue_.reply)) return {};
    return fail(errc::malformed_message, "compare a reply");
}

}  // namespace switchboard::bench
