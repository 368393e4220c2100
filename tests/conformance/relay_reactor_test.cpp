// The relay on sockets: a client, one or two relays and a target, all on one reactor.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/embed.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/relay.hpp>
#include <switchboard/socket.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kOneMiB = 1024 * 1024;

// What happened to one end.
struct Report {
    std::size_t received = 0;
    bool right = true;  // every received byte so far was correct
    bool eof = false, closed = false;
    std::error_code reason;
};

struct Plan {
    std::size_t send = 0;                // bytes, then FIN
    std::size_t await = 0;               // bytes to receive before sending any
    bool slow = false;                   // pauses after each read
    std::size_t reset_after = SIZE_MAX;  // bytes received
};

char byte_at(std::size_t position) {
    return static_cast<char>((position * 2654435761U) >> 13);
}

// Sends what the plan requires as fast as it is accepted, and checks what it receives.
class End final : public Protocol {
public:
    End(Reactor& reactor, Plan plan, Report& report)
        : reactor_(reactor), plan_(plan), report_(report) {}

    void on_open(Connection& c) override { produce(c); }
    void on_writable(Connection& c) override {
        full_ = false;
        produce(c);
    }
    bool reads_under_backpressure() const noexcept override { return true; }

    std::size_t on_data(Connection& c, MutableBytes in) override {
        for (const char byte : as_text(in)) report_.right &= byte == byte_at(report_.received++);
        if (report_.received >= plan_.reset_after)
            c.abort(std::make_error_code(std::errc::connection_reset));
        if (plan_.slow) take_a_break(c);
        produce(c);
        return in.size();
    }

    void on_eof(Connection& c) override {
        report_.eof = true;
        if (finished_) c.close();
    }

    void on_close(std::error_code reason) noexcept override {
        report_.closed = true;
        report_.reason = reason;
    }

private:
    void produce(Connection& c) {
        if (report_.received < plan_.await || finished_) return;
        while (!full_ && sent_ < plan_.send) {
            std::string chunk(std::min<std::size_t>(plan_.send - sent_, 16 * 1024), '\0');
            for (char& byte : chunk) byte = byte_at(sent_++);
            full_ = !c.write(chunk);
        }
        if (sent_ < plan_.send) return;
        finished_ = true;
        report_.eof ? c.close() : c.shutdown_write();
    }

    void take_a_break(Connection& c) {
        c.pause_reading();
        reactor_.after(1ms, [&reactor = reactor_, id = c.id()] {
            if (Connection* const self = reactor.find(id)) self->resume_reading();
        });
    }

    Reactor& reactor_;
    Plan plan_;
    Report& report_;
    std::size_t sent_ = 0;
    bool full_ = false;  // writes no more until on_writable
    bool finished_ = false;
};

struct Line {
    Line(Plan of_client, Plan of_target) : client_plan(of_client), target_plan(of_target) {}

    Endpoint listen(const Endpoint& at, ProtocolFactory factory) {
        const auto listening = reactor.listen(at, std::move(factory));
        REQUIRE(listening);
        listeners.push_back(listening->id);
        return listening->local;
    }

    Endpoint listen_target(const Endpoint& at = Endpoint::tcp("127.0.0.1", 0)) {
        return listen(at, [this] { return std::make_unique<End>(reactor, target_plan, target); });
    }

    Endpoint listen_relay(const Endpoint& to) {
        return listen(Endpoint::tcp("127.0.0.1", 0), make_relay(reactor, to));
    }

    // Runs until every connection has ended. Returns the most bytes that were queued in a turn.
    std::size_t run(const Endpoint& relay) {
        REQUIRE(reactor.connect(relay, std::make_unique<End>(reactor, client_plan, client)));
        reactor.every(1ms, [this] {
            most_queued = std::max(most_queued, collect_stats(reactor).queued_bytes);
            const auto& stats = collect_stats(reactor);
            if (client.closed && stats.open == 0) reactor.stop();
        });
        reactor.run();
        return most_queued;
    }

    Plan client_plan, target_plan;
    Report client, target;
    std::vector<ListenerId> listeners;
    std::size_t most_queued = 0;
    Reactor reactor;
};

void check_whole(const Report& report, std::size_t size) {
    CHECK(report.received == size);
    CHECK(report.right);
    CHECK(report.eof);
    CHECK(report.closed);
    CHECK(report.reason == std::error_code());
}

// The most that is queued for any connection: high_water and one read or write above it.
constexpr std::size_t kMostQueued = 128 * 1024;

}  // namespace

TEST_CASE("relay on sockets: 10 MiB both ways, with a slow reader and bounded memory") {
    for (const bool client_slow : {true, false}) {
        CAPTURE(client_slow);
        Line line({.send = 10 * kOneMiB, .slow = client_slow},
                  {.send = 10 * kOneMiB, .slow = !client_slow});
        const std::size_t queued = line.run(line.listen_relay(line.listen_target()));
        check_whole(line.client, 10 * kOneMiB);
        check_whole(line.target, 10 * kOneMiB);
        CHECK(queued <= 4 * kMostQueued);
    }
}

TEST_CASE("relay on sockets: two relays in series, full both ways, do not wait for each other") {
    Line line({.send = 10 * kOneMiB, .slow = true}, {.send = 10 * kOneMiB, .slow = true});
    const std::size_t queued = line.run(line.listen_relay(line.listen_relay(line.listen_target())));
    check_whole(line.client, 10 * kOneMiB);
    check_whole(line.target, 10 * kOneMiB);
    CHECK(queued <= 6 * kMostQueued);
}

TEST_CASE("relay on sockets: either side may send its FIN first and still be answered") {
    // The side that awaits sends only after it has received everything from the other.
    for (const bool client_first : {true, false}) {
        CAPTURE(client_first);
        const Plan first{.send = 300'000};
        const Plan second{.send = 200'000, .await = 300'000};
        Line line(client_first ? first : second, client_first ? second : first);
        line.run(line.listen_relay(line.listen_target()));
        check_whole(line.client, client_first ? 200'000 : 300'000);
        check_whole(line.target, client_first ? 300'000 : 200'000);
    }
}

TEST_CASE("relay on sockets: a unix target") {
    const std::string path = "/tmp/switchboard-relay-" + std::to_string(::getpid());
    Line line({.send = kOneMiB}, {.send = kOneMiB});
    line.run(line.listen_relay(line.listen_target(Endpoint::unix_path(path))));
    check_whole(line.client, kOneMiB);
    check_whole(line.target, kOneMiB);
    ::unlink(path.c_str());
}

TEST_CASE("relay on sockets: a target that refuses resets the client") {
    Line line({.send = 1000}, {});
    // This port was bound once and closed, so nothing listens on it now.
    const Endpoint nobody = [] {
        const auto asked = Endpoint::tcp("127.0.0.1", 0);
        return bound_endpoint(listen(asked).value(), asked).value();
    }();
    line.run(line.listen_relay(nobody));
    CHECK(line.client.closed);
    CHECK(line.client.reason == std::errc::connection_reset);
    CHECK(line.client.received == 0);
}

TEST_CASE("relay on sockets: a reset is passed on to the other side") {
    SUBCASE("from the target") {
        Line line({.send = 10 * kOneMiB}, {.send = 10 * kOneMiB, .reset_after = kOneMiB});
        line.run(line.listen_relay(line.listen_target()));
        CHECK(line.client.reason == std::errc::connection_reset);
        CHECK(line.client.right);
        CHECK(line.target.closed);
    }
    SUBCASE("from the client") {
        Line line({.send = 10 * kOneMiB, .reset_after = kOneMiB}, {.send = 10 * kOneMiB});
        line.run(line.listen_relay(line.listen_target()));
        CHECK(line.target.reason == std::errc::connection_reset);
        CHECK(line.target.right);
        CHECK(line.client.closed);
    }
}

TEST_CASE("relay on sockets: a reactor may be destroyed in the middle of a transfer") {
    Report client, target;
    {
        Reactor reactor;
        const Plan plan{.send = 10 * kOneMiB, .slow = true};
        const auto served = reactor.listen(Endpoint::tcp("127.0.0.1", 0), [&] {
            return std::make_unique<End>(reactor, plan, target);
        });
        REQUIRE(served);
        const auto relay =
            reactor.listen(Endpoint::tcp("127.0.0.1", 0), make_relay(reactor, served->local));
        REQUIRE(relay);
        REQUIRE(reactor.connect(relay->local, std::make_unique<End>(reactor, plan, client)));
        while (target.received < 100'000) run_ready(reactor);
        CHECK(collect_stats(reactor).open == 4);
    }
    CHECK(client.reason == make_error_code(errc::stopping));
    CHECK(target.reason == make_error_code(errc::stopping));
}

TEST_CASE("hub on sockets: lines go from each to all others") {
    Reactor reactor;
    const auto hub = reactor.listen(Endpoint::tcp("127.0.0.1", 0),
                                    make_hub([&](ConnectionId id) { return reactor.find(id); }));
    REQUIRE(hub);
    std::string heard[3];
    ConnectionId ids[3];
    for (std::size_t i = 0; i < 3; ++i) {
        const auto id = reactor.connect(
            hub->local, make_protocol({.on_data = [&, i](Connection&, MutableBytes in) {
                heard[i] += as_text(in);
                return in.size();
            }}));
        REQUIRE(id);
        ids[i] = *id;
    }
    while (collect_stats(reactor).accepted < 3 || collect_stats(reactor).connected < 3)
        run_ready(reactor);
    for (std::size_t i = 0; i < 3; ++i) {
        reactor.find(ids[i])->write(std::string(1, "abc"[i]) + "\n");
    }
    while (heard[0].size() < 4 || heard[1].size() < 4 || heard[2].size() < 4) run_ready(reactor);
    for (auto& lines : heard) std::sort(lines.begin(), lines.end());
    CHECK(heard[0] == "\n\nbc");
    CHECK(heard[1] == "\n\nac");
    CHECK(heard[2] == "\n\nab");
}
