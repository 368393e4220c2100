// Transport without a driver: every event in every phase of a connection.
#include <doctest/doctest.h>
#include <sys/uio.h>

#include <array>
#include <functional>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/driver/transport.hpp>
#include <switchboard/error.hpp>

#include "protocol_runner_driver.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

using Phase = Transport::Phase;

// A wire that takes `room` bytes and records all calls, with a clock that the test moves.
struct Wire final : Transport {
    explicit Wire(ConnectionLimits l = {}) : Transport(handler(*this), l), limits_(l) {}

    static std::unique_ptr<Protocol> handler(Wire& wire) {
        Callbacks all = noting(wire.log, "");
        all.on_shutdown = [&wire](Connection&) { wire.log.push_back(":stop"); };
        return make_protocol(std::move(all));
    }

    using Transport::clear;
    using Transport::end_of_turn;
    using Transport::expired;
    using Transport::has;
    using Transport::kListed;
    using Transport::lost;
    using Transport::opened;
    using Transport::received;
    using Transport::received_eof;
    using Transport::settle;
    using Transport::stop;
    using Transport::writable;

    Clock::time_point now() const override { return time; }
    const Endpoint& peer() const override { return endpoint; }
    const Endpoint& local() const override { return endpoint; }
    ConnectionId id() const override { return {}; }
    const ConnectionLimits& limits() const noexcept override { return limits_; }
    Sent transmit(const iovec* pieces, std::size_t count) override {
        if (broken) return {.error = std::make_error_code(std::errc::no_buffer_space)};
        std::size_t size = 0;
        for (std::size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
        const std::size_t taken = std::min(size, room);
        room -= taken;
        return {.bytes = taken, .blocked = taken < size};
    }
    Sent transmit_file(const FileRange&, std::uint64_t most) override { return {.bytes = most}; }
    void transmit_fin() noexcept override { log.push_back("FIN"); }
    void schedule_end_of_turn() override {}
    void end(std::error_code reason, bool reset) override {
        log.push_back(reset ? "RST" : "end");
        if (!ends_later) closed(reason);
    }
    bool input_waiting() const noexcept override { return waits; }

    // Simulates the end of a driver's turn.
    void turn() {
        if (has(kListed)) end_of_turn();
    }
    void arrive() {
        std::string text = "x";
        received({reinterpret_cast<std::byte*>(text.data()), 1});
    }
    std::string take_log() {
        std::string all;
        for (const std::string& line : log) all += (all.empty() ? "" : " ") + line;
        log.clear();
        return all;
    }

    Log log;
    const ConnectionLimits limits_;
    Clock::time_point time = Clock::time_point(1h);
    std::size_t room = 1'000'000;
    bool waits = false;
    bool broken = false;      // the next output fails
    bool ends_later = false;  // like a layer whose wire is another connection
    Endpoint endpoint;
};

const char* name(Phase phase) {
    constexpr const char* names[] = {"connecting", "open",     "closing",
                                     "lingering",  "aborting", "closed"};
    return names[static_cast<std::size_t>(phase)];
}

void bring_to(Wire& wire, Phase phase) {
    if (phase != Phase::connecting) wire.opened();
    if (phase == Phase::closing) {
        wire.room = 0;
        wire.write("waits");
        wire.close({});
    }
    wire.waits = phase == Phase::lingering;
    if (phase == Phase::lingering || phase == Phase::closed) wire.close({});
    if (phase != Phase::aborting) wire.turn();
    if (phase == Phase::aborting) wire.abort(errc::stopping);
    REQUIRE(name(wire.phase()) == std::string(name(phase)));
    wire.log.clear();
}

struct Event {
    const char* name;
    std::function<void(Wire&)> happens;
    std::array<const char*, 6> gives;  // for each phase: the resulting phase, and the calls
};

const std::error_code kLost(ECONNRESET, std::system_category());

// Each event of the driver is tested in the phases in which it can occur. "-" means that it cannot.
const Event kEvents[] = {
    {"opened", [](Wire& w) { w.opened(); }, {"open :open", "-", "-", "-", "-", "-"}},
    {"bytes come",
     [](Wire& w) { w.arrive(); },
     {"-", "open :x", "closing", "lingering", "closed RST :close the server is stopping", "-"}},
    {"the peer's FIN",
     [](Wire& w) { w.received_eof(); },
     {"-", "open :eof", "closing", "closed end :close", "closed RST :close the server is stopping",
      "-"}},
    {"the wire takes more",
     [](Wire& w) {
         w.room = 100;
         w.writable();
     },
     {"-", "open", "closed end :close", "lingering", "closed RST :close the server is stopping",
      "-"}},
    {"the wire is lost",
     [](Wire& w) {
         w.lost(kLost);
         w.settle();
     },
     {"closed end :close Connection reset by peer", "closed end :close Connection reset by peer",
      "closed end :close Connection reset by peer", "closed end :close Connection reset by peer",
      "closed RST :close the server is stopping", "closed"}},
    {"write",
     [](Wire& w) { w.write("x"); },
     {"connecting", "open", "closing", "lingering", "closed RST :close the server is stopping",
      "closed"}},
    {"shutdown_write",
     [](Wire& w) { w.shutdown_write(); },
     {"connecting", "open FIN", "closing", "lingering", "closed RST :close the server is stopping",
      "closed"}},
    {"close",
     [](Wire& w) { w.close({}); },
     {"closed end :close", "closed end :close", "closing", "lingering",
      "closed RST :close the server is stopping", "closed"}},
    {"abort",
     [](Wire& w) { w.abort(errc::idle_timed_out); },
     {"closed RST :close the connection was idle: timed out",
      "closed RST :close the connection was idle: timed out",
      "closed RST :close the connection was idle: timed out",
      "closed RST :close the connection was idle: timed out",
      "closed RST :close the server is stopping", "closed"}},
    {"the driver drains",
     [](Wire& w) { w.stop(); },
     {"connecting", "open :stop", "closing", "lingering",
      "closed RST :close the server is stopping", "closed"}},
    {"close_timeout is over",
     [](Wire& w) {
         w.time += w.limits_.close_timeout;
         w.expired(w.time);
     },
     {"connecting", "open", "closed RST :close the peer stopped reading: close timed out",
      "closed end :close", "closed RST :close the server is stopping", "closed"}},
};

}  // namespace

TEST_CASE("transport: every event in every phase") {
    for (const Event& event : kEvents) {
        for (int phase = 0; phase < 6; ++phase) {
            const std::string expected = event.gives[static_cast<std::size_t>(phase)];
            if (expected == "-") continue;
            Wire wire;
            bring_to(wire, static_cast<Phase>(phase));
            event.happens(wire);
            wire.turn();
            const std::string log = wire.take_log();
            const std::string got = name(wire.phase()) + (log.empty() ? log : " " + log);
            CAPTURE(std::string(event.name));
            CAPTURE(std::string(name(static_cast<Phase>(phase))));
            CHECK(got == expected);
        }
    }
}

TEST_CASE("transport: a time limit beyond the clock's range never comes") {
    ConnectionLimits limits;
    limits.first_byte_timeout = limits.idle_timeout = limits.max_connection_age =
        limits.close_deadline = limits.write_stall_timeout = limits.close_timeout =
            std::chrono::milliseconds::max();
    Wire wire(limits);
    wire.room = 0;
    wire.opened();
    wire.write(std::string(10, 'x'));
    wire.close({});
    wire.turn();
    CHECK(wire.phase() == Phase::closing);
    CHECK(wire.next_timeout() == Clock::time_point::max());
}

// A socket that is full may have room for a few more bytes, and not say so.
TEST_CASE("transport: a peer that reads nothing is gone a second after the limit, at the latest") {
    ConnectionLimits limits;
    limits.write_stall_timeout = 5s;
    const auto lasts = [&](std::size_t silent_room) {
        Wire wire(limits);
        wire.room = 0;
        wire.opened();
        const Clock::time_point began = wire.time;
        wire.write(std::string(100, 'x'));
        wire.turn();
        wire.room = silent_room;
        while (wire.phase() == Phase::open) {
            REQUIRE(wire.next_timeout() < began + 1min);
            wire.time = std::max(wire.time + 1ms, wire.next_timeout());
            wire.expired(wire.time);
            wire.turn();
        }
        return wire.time - began;
    };
    CHECK(lasts(0) == 5s);
    CHECK(lasts(3) == 6s);
}

TEST_CASE("transport: without a limit, a queue that waits has no timer") {
    ConnectionLimits limits;
    limits.write_stall_timeout = 0s;
    Wire wire(limits);
    wire.room = 0;
    wire.opened();
    wire.write("x");
    wire.turn();
    CHECK(wire.next_timeout() == Clock::time_point::max());
}

TEST_CASE(
    "transport: a close is bounded while nothing moves, and in total only by close_deadline") {
    ConnectionLimits limits;
    limits.close_timeout = 5s;
    SUBCASE("a peer that reads slowly gets everything") {
        Wire wire(limits);
        wire.room = 0;
        wire.opened();
        wire.write(std::string(10, 'x'));
        wire.close({});
        wire.turn();
        for (int i = 0; i < 9; ++i) {
            wire.time += 4s;
            wire.room = 1;
            wire.writable();
            wire.expired(wire.time);
            CHECK(wire.phase() == Phase::closing);
        }
        wire.room = 1;
        wire.writable();
        CHECK(wire.take_log() == ":open end :close");
    }
    SUBCASE("close_deadline ends it all the same") {
        limits.close_deadline = 6s;
        Wire wire(limits);
        wire.room = 0;
        wire.opened();
        wire.write(std::string(10, 'x'));
        wire.close({});
        wire.turn();
        wire.time += 4s;
        wire.room = 1;
        wire.writable();
        wire.time += 2s;
        wire.expired(wire.time);
        CHECK(wire.take_log() == ":open RST :close the peer stopped reading: close timed out");
    }
}

TEST_CASE("transport: a write from outside a callback to a failing wire ends the connection") {
    ConnectionLimits limits;
    limits.low_water = 1;
    limits.high_water = limits.max_write_buffer = 30'000;
    const std::string large(20'000, 'x');
    for (const bool over : {false, true}) {  // fails at once, or when the queue exceeds its maximum
        Wire wire(limits);
        wire.opened();
        wire.room = 0;
        if (over) wire.write(large);
        wire.turn();
        wire.broken = true;
        CHECK_FALSE(wire.write(large));
        wire.turn();
        CHECK(wire.take_log() == ":open RST :close No buffer space available");
    }
}

TEST_CASE("transport: output of earlier turns does not count against a handler") {
    Wire wire;
    wire.opened();
    const std::string large(20'000, 'x');
    CHECK(wire.write(large));
    wire.write_shared(std::make_shared<const std::vector<std::byte>>(10));
    wire.turn();
    CHECK(wire.queued() == 0);
    CHECK(wire.write(large));
    CHECK_FALSE(wire.write(large));  // the second large write in one turn
}

TEST_CASE("transport: no time-out is left after all is flushed and the wire is told to end") {
    ConnectionLimits limits;
    limits.close_deadline = 5s;
    Wire wire(limits);
    wire.ends_later = true;
    wire.opened();
    wire.close({});
    wire.turn();
    CHECK(wire.take_log() == ":open end");
    CHECK(wire.next_timeout() == Clock::time_point::max());
    wire.ends_later = false;
    wire.settle();
}
