// Throttling in memory, on a virtual clock: how much passes and when, in both directions.
#include <doctest/doctest.h>

#include <array>
#include <stdexcept>
#include <switchboard/testing/conformance.hpp>

#include "throttle_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using testing::MemoryDriver;
using testing::MemoryPeer;

namespace {

// A rate, and how many bytes beyond its burst a test sends.
struct Case {
    std::uint64_t rate;
    std::size_t bytes;
    std::chrono::milliseconds burst = 100ms;
    std::size_t at_once() const {
        return std::max<std::size_t>(
            2, static_cast<std::size_t>(rate * static_cast<std::uint64_t>(burst.count()) / 1000));
    }
};
const Case kCases[] = {{1, 50},
                       {7, 100},
                       {1'000, 9'000},
                       {65'536, 300'000},
                       {1'000'003, 5'000'000},
                       {20'000'000, 9'000'000, 1ms}};

// In any span of time, never faster than the rate plus the burst. Never slower than the rate by more than
// the amount that does not justify a wake-up.
void check_rate(const Meter& meter, const Case& c, Clock::time_point start) {
    CAPTURE(c.rate);
    CHECK(meter.most_at_once(c.rate) <= static_cast<long double>(c.at_once()) + 1e-3L);
    REQUIRE(meter.text.size() == c.bytes);
    CHECK(meter.text == numbers(c.bytes));
    std::size_t total = 0;
    for (const auto& [at, bytes] : meter.arrivals) {
        const double passed = std::chrono::duration<double>(at - start).count();
        const auto due = static_cast<double>(c.at_once()) + passed * static_cast<double>(c.rate);
        const auto got = static_cast<double>(total += bytes);
        const auto unworthy = static_cast<double>(c.at_once() / 2);
        REQUIRE(got >= std::min(static_cast<double>(c.bytes), due) - unworthy - 2);
    }
}

// Sends and receives, both as fast as allowed.
class Talker final : public Source {
public:
    Talker(std::string text, Meter* heard) : Source(std::move(text)), heard_(*heard) {}

    std::size_t on_data(Connection& c, MutableBytes in) override {
        heard_.note(c.now(), in);
        return in.size();
    }
    bool reads_under_backpressure() const noexcept override { return true; }

private:
    Meter& heard_;
};

std::string echo_slowly(std::string_view input, std::size_t at, const ThrottleOptions& options) {
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(slowed(echoing(), options));
    peer.send(input.substr(0, at));
    driver.run();
    peer.send(input.substr(at)).shutdown_write();
    driver.advance(1h);
    CHECK(peer.closed());
    CHECK_FALSE(peer.close_reason());
    return peer.received();
}

}  // namespace

TEST_CASE("throttle: input at exactly the rate, from 1 byte per second up") {
    for (const Case& c : kCases) {
        Meter got;
        MemoryDriver driver;
        driver.join(slowed(callbacks([&] { return meter(got); }),
                           {.in_per_second = c.rate, .burst = c.burst})(),
                    source(numbers(c.bytes))());
        const auto start = driver.now();
        driver.advance(100s);
        check_rate(got, c, start);
        CHECK(got.eof);
    }
}

TEST_CASE("throttle: output at exactly the rate, from 1 byte per second up") {
    for (const Case& c : kCases) {
        Meter got;
        MemoryDriver driver;
        driver.join(
            slowed(source(numbers(c.bytes)), {.out_per_second = c.rate, .burst = c.burst})(),
            make_protocol(meter(got)));
        const auto start = driver.now();
        driver.advance(100s);
        check_rate(got, c, start);
        CHECK(got.eof);
    }
}

TEST_CASE("throttle: both ways and for all at once, the lowest of the rates holds") {
    const std::string text = numbers(200'000);
    for (const bool all : {false, true}) {
        CAPTURE(all);
        ThrottleOptions options{.in_per_second = 50'000, .out_per_second = 20'000};
        if (all) {
            options = {.in_per_second = 1'000'000,
                       .out_per_second = 1'000'000,
                       .all_in_per_second = 50'000,
                       .all_out_per_second = 20'000};
        }
        Meter got;
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(slowed(factory_of<Talker>(text + text, &got), options));
        peer.send(text);
        driver.advance(2s);
        CHECK(got.most_at_once(50'000) <= 5'000 + 1e-3L);
        CHECK(got.text.size() >= 103'000);
        CHECK(peer.received().size() >= 41'000);
        CHECK(peer.received().size() <= 42'000);
        driver.advance(18s);
        CHECK(got.text == text);
        CHECK(peer.received() == text + text);
    }
}

TEST_CASE("throttle: whole, byte by byte and at every split, an echo is the same") {
    const std::string input = numbers(700);
    for (const ThrottleOptions& slow :
         {ThrottleOptions{.in_per_second = 1'000}, ThrottleOptions{.out_per_second = 1'000},
          ThrottleOptions{.in_per_second = 3'000, .out_per_second = 2'000},
          ThrottleOptions{.in_per_second = 5'000, .all_in_per_second = 4'000},
          ThrottleOptions{.all_in_per_second = 1'500, .all_out_per_second = 1'500}}) {
        for (std::size_t at = 0; at < input.size(); at += 3)
            REQUIRE(echo_slowly(input, at, slow) == input);
    }
    // The kit does not move the clock. So the burst must cover what it sends. Each of its drivers has its
    // own burst.
    const ThrottleOptions fast{.in_per_second = 100'000, .all_out_per_second = 100'000};
    const testing::Findings none;
    CHECK(testing::check_deliveries([&] { return slowed(echoing(), fast)(); }, input) == none);
}

TEST_CASE("throttle: conforms, whatever the peer does") {
    const testing::Findings none;
    const ThrottleOptions slow{.in_per_second = 10'000,
                               .out_per_second = 5'000,
                               .all_in_per_second = 8'000,
                               .all_out_per_second = 8'000};
    const auto once = [&] { return slowed(echoing(), slow)(); };
    const auto twice = [&] { return slowed(slowed(echoing(), slow), slow)(); };
    CHECK(testing::check_robustness(once, 100) == none);
    CHECK(testing::check_robustness(twice, 100) == none);
}

TEST_CASE("throttle: every byte is right under all simulated faults") {
    const std::string text = numbers(60'000);
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        MemoryDriver driver(
            {.seed = seed, .short_reads = true, .short_writes = true, .reorder = true});
        const auto echo = slowed(
            echoing(),
            {.in_per_second = 9'000, .out_per_second = 40'000, .all_out_per_second = 50'000});
        MemoryPeer* const peers[] = {&driver.connect(echo), &driver.connect(echo)};
        for (MemoryPeer* peer : peers) peer->send(text).shutdown_write();
        driver.advance(1h);
        for (MemoryPeer* peer : peers) {
            REQUIRE(peer->received() == text);
            REQUIRE(peer->closed());
        }
    }
}

TEST_CASE("throttle: without a rate there is no layer between the driver and the protocol") {
    const Protocol* made = nullptr;
    const auto factory = slowed(
        [&] {
            auto protocol = echoing()();
            made = protocol.get();
            return protocol;
        },
        {});
    CHECK(factory().get() == made);
    CHECK(slowed([] { return nullptr; }, {.in_per_second = 1})() == nullptr);
}

TEST_CASE("throttle: a direction without a rate is passed on at once and not queued") {
    const std::string text = numbers(300'000);
    Meter got;
    MemoryDriver driver;
    MemoryPeer& out = driver.connect(slowed(source(text), {.in_per_second = 1}));
    MemoryPeer& in =
        driver.connect(slowed(callbacks([&] { return meter(got); }), {.out_per_second = 1}));
    in.send(text).shutdown_write();
    driver.run();
    CHECK(out.received() == text);
    CHECK(out.saw_eof());
    CHECK(got.text == text);
    CHECK(got.eof);
}

TEST_CASE("throttle: what may not come in yet stays in the driver, and EOF comes after it") {
    Meter got;
    MemoryDriver driver;
    MemoryPeer& peer =
        driver.connect(slowed(callbacks([&] { return meter(got); }), {.in_per_second = 1'000}));
    const std::string text = numbers(50'000);
    peer.send(text).shutdown_write();
    while (got.text.size() < text.size()) {
        driver.advance(100ms);
        REQUIRE(peer.unread() + got.text.size() == text.size());
        REQUIRE(got.eof == (got.text.size() == text.size()));
    }
    CHECK(got.text == text);
    CHECK(driver.now() >= Clock::time_point(1h) + 49s);
}

TEST_CASE("throttle: a handler that pauses keeps every byte, and may resume at any time") {
    Meter got;
    Connection* above = nullptr;
    Callbacks handler = meter(got);
    handler.on_open = [&](Connection& c) {
        above = &c;
        c.pause_reading();
    };
    handler.on_data = [&](Connection& c, MutableBytes in) -> std::size_t {
        const std::size_t used = std::min<std::size_t>(in.size(), 10);
        got.note(c.now(), in.first(used));
        c.pause_reading();
        return used;
    };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(
        slowed([&] { return make_protocol(handler); }, {.in_per_second = 100, .burst = 200ms}));
    const std::string text = numbers(1'000);
    peer.send(text).shutdown_write();
    driver.advance(10s);
    CHECK(got.text.empty());
    for (int i = 0; i < 2'000 && !got.eof; ++i) {
        above->resume_reading();
        if (i % 3 == 0) above->pause_reading();
        driver.advance(30ms);
        if (i % 3 == 0) above->resume_reading();
        driver.advance(1ms);
    }
    CHECK(got.text == text);
    CHECK(got.eof);
    CHECK(got.most_at_once(100) <= 20 + 10);  // and what its own pause held back
}

TEST_CASE("throttle: on_resume comes, also while the rate holds back") {
    std::size_t resumed = 0;
    Connection* above = nullptr;
    MemoryDriver driver;
    MemoryPeer& peer =
        driver.connect(slowed(callbacks([&] {
                                  return Callbacks{.on_open = [&](Connection& c) { above = &c; },
                                                   .on_resume = [&](Connection&) { ++resumed; }};
                              }),
                              {.in_per_second = 1}));
    peer.send("0123456789");
    driver.run();
    for (std::size_t i = 1; i <= 5; ++i) {
        above->pause_reading();
        driver.run();
        above->resume_reading();
        driver.run();
        CHECK(resumed == i);
    }
}

TEST_CASE("throttle: deadlines of the protocol come when due, whatever else is due") {
    std::vector<Clock::duration> late;
    auto due = Clock::time_point::max();
    const auto again = [&](Connection& c) {
        late.push_back(c.now() - due);
        due = c.now() + 7ms;
        c.set_deadline(due);
    };
    MemoryDriver driver;
    MemoryPeer& peer =
        driver.connect(slowed(callbacks([&] {
                                  return Callbacks{.on_open =
                                                       [&](Connection& c) {
                                                           due = c.now();
                                                           again(c);
                                                       },
                                                   .on_data =
                                                       [](Connection& c, MutableBytes in) {
                                                           c.write(in);
                                                           return in.size();
                                                       },
                                                   .on_deadline = again};
                              }),
                              {.in_per_second = 10'000, .out_per_second = 7'000}));
    peer.send(numbers(50'000));
    driver.advance(7s);
    CHECK(late.size() == 1'001);
    CHECK(std::count(late.begin(), late.end(), Clock::duration::zero()) == 1'001);
    CHECK(peer.received().size() >= 49'000);
}

TEST_CASE("throttle: a deadline that is disarmed does not come, and by default it aborts") {
    MemoryDriver driver;
    const auto arm = [](auto after) {
        return slowed(callbacks([after] {
                          return Callbacks{.on_open = [after](Connection& c) {
                              c.set_deadline(c.now() + 1s);
                              if (after == 0s) c.set_deadline(Clock::time_point::max());
                          }};
                      }),
                      {.in_per_second = 1'000});
    };
    MemoryPeer& never = driver.connect(arm(0s));
    MemoryPeer& once = driver.connect(arm(1s));
    driver.advance(999ms);
    CHECK_FALSE(once.closed());
    driver.advance(1h);
    CHECK_FALSE(never.closed());
    CHECK(once.close_reason() == std::errc::timed_out);
}

TEST_CASE("throttle: all together have one rate, and ten have equal shares of it") {
    constexpr std::uint64_t kRate = 100'000;
    for (const bool in : {true, false}) {
        CAPTURE(in);
        const std::string text = numbers(200'000);
        std::array<Meter, 10> meters;
        Meter all;
        MemoryDriver driver;
        std::size_t made = 0;
        const auto above = [&]() -> std::unique_ptr<Protocol> {
            if (!in) return source(text)();
            return make_protocol(meter(meters[made++]));
        };
        const auto factory = slowed(above, in ? ThrottleOptions{.all_in_per_second = kRate}
                                              : ThrottleOptions{.all_out_per_second = kRate});
        for (Meter& each : meters)
            driver.join(factory(), in ? source(text)() : make_protocol(meter(each)));
        driver.advance(10s);
        std::vector<Meter::Arrival> arrivals;
        for (const Meter& each : meters) {
            CHECK(each.text.size() >= 95'000);
            CHECK(each.text.size() <= 112'000);  // one of them got the first burst
            CHECK(text.starts_with(each.text));
            arrivals.insert(arrivals.end(), each.arrivals.begin(), each.arrivals.end());
        }
        std::stable_sort(arrivals.begin(), arrivals.end(),
                         [](const auto& a, const auto& b) { return a.at < b.at; });
        all.arrivals = arrivals;
        CHECK(all.most_at_once(kRate) <= 10'000 + 1e-3L);
        CHECK(all.until(driver.now()) >= 10 * kRate);
    }
}

TEST_CASE(
    "throttle: a newcomer waits at most one turn of each, and closed connections delay no other") {
    std::array<Meter, 51> meters;
    std::size_t made = 0;
    MemoryDriver driver;
    const auto factory =
        slowed(callbacks([&] { return meter(meters[made++]); }), {.all_in_per_second = 1'000'000});
    std::vector<MemoryPeer*> peers;
    for (int i = 0; i < 50; ++i) peers.push_back(&driver.connect(factory).send(numbers(60'000)));
    driver.advance(1s);
    MemoryPeer& newcomer = driver.connect(factory).send("hello");
    driver.advance(50 * 1'460us + 1ms);
    CHECK(meters[50].text == "hello");
    for (MemoryPeer* peer : peers) peer->reset();
    driver.run();
    newcomer.send(numbers(50'000));
    driver.advance(51ms);
    CHECK(meters[50].text.size() >= 50'000);
}

TEST_CASE("throttle: a switch replaces the protocol, and the rest of the input follows") {
    Meter first, second;
    Callbacks old = meter(first);
    old.on_open = [](Connection& c) { c.set_deadline(c.now() + 1ms * 50); };
    old.on_data = [&](Connection& c, MutableBytes in) -> std::size_t {
        first.note(c.now(), in.first(1));
        if (first.text.size() == 100) c.switch_to(make_protocol(meter(second)));
        return 1;
    };
    old.on_deadline = [](Connection& c) { c.set_deadline(c.now() + 50ms); };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(
        slowed([&] { return make_protocol(old); }, {.in_per_second = 1'000, .burst = 50ms}));
    const std::string text = numbers(5'000);
    peer.send(text).shutdown_write();
    driver.advance(10s);
    CHECK(first.text == text.substr(0, 100));
    CHECK(first.closed);
    CHECK_FALSE(first.reason);
    CHECK(second.text == text.substr(100));
    CHECK(second.eof);
    CHECK_FALSE(second.closed);
    CHECK(second.most_at_once(1'000) <= 50 + 1e-3L);
}

TEST_CASE("throttle: a switch from outside, and one at EOF, give the next protocol its callbacks") {
    Meter first, second, third;
    Connection* above = nullptr;
    Callbacks one = meter(first), two = meter(second);
    one.on_open = [&](Connection& c) { above = &c; };
    two.on_eof = [&](Connection& c) { c.switch_to(make_protocol(meter(third))); };
    MemoryDriver driver;
    MemoryPeer& peer =
        driver.connect(slowed([&] { return make_protocol(one); }, {.in_per_second = 1'000}));
    driver.run();
    above->switch_to(make_protocol(two));
    driver.run();
    CHECK(first.closed);
    peer.send("for the second").shutdown_write();
    driver.advance(1s);
    CHECK(second.text == "for the second");
    CHECK(second.closed);
    CHECK(third.eof);
    CHECK_FALSE(third.closed);
}

TEST_CASE(
    "throttle: what a protocol throws has the same effect as without a throttle, and is reported") {
    const auto boom = [](Connection&) { throw std::runtime_error("boom"); };
    const auto failure = [](Callbacks handler) {
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(
            slowed([&] { return make_protocol(handler); }, {.in_per_second = 1'000}));
        peer.send("hello").shutdown_write();
        driver.advance(1s);
        CHECK(peer.close_reason() == make_error_code(errc::handler_failed));
        CHECK(peer.saw_reset());
        return peer.failure();
    };
    CHECK(failure({.on_open = boom}) == "on_open threw: boom");
    CHECK(failure({.on_eof = boom}) == "on_eof threw: boom");
    CHECK(failure({.on_data = [](Connection&, MutableBytes) -> std::size_t {
              throw std::runtime_error("boom");
          }}) == "on_data threw: boom");
    CHECK(failure({.on_data = [](Connection&, MutableBytes in) { return in.size() + 1; }}) ==
          "on_data used 6 of 5 bytes");
    CHECK(failure({.on_open = [](Connection& c) { c.set_deadline(c.now()); },
                   .on_eof = [](Connection&) {},
                   .on_deadline = boom}) == "on_deadline threw: boom");
}

TEST_CASE("throttle: more than max_read_buffer left unused costs the connection") {
    ThrottleOptions options{.in_per_second = 100'000};
    options.limits.max_read_buffer = 1'000;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(slowed(
        callbacks([] {
            return Callbacks{.on_data = [](Connection&, MutableBytes) { return std::size_t{0}; }};
        }),
        options));
    peer.send(std::string(1'000, 'x'));
    driver.advance(1s);
    CHECK_FALSE(peer.closed());
    peer.send("y");
    driver.advance(1s);
    CHECK(peer.close_reason() == make_error_code(errc::message_too_large));
}

TEST_CASE("throttle: rates, bursts and limits out of range are named") {
    const auto refused = [](const ThrottleOptions& options) {
        const auto factory = throttled(echoing(), options);
        return factory ? "" : factory.error().message();
    };
    ThrottleOptions limits{.in_per_second = 1};
    limits.limits.low_water = limits.limits.high_water;
    CHECK(refused({.all_out_per_second = ThrottleOptions::kMostRate + 1}) ==
          "throttle all_out_per_second=1099511627777: more than 1 TiB per second: bad option");
    CHECK(refused({.in_per_second = 1, .burst = 0ms}).starts_with("throttle burst=0ms"));
    CHECK(refused({.in_per_second = 1, .burst = 2h}).starts_with("throttle burst=7200000ms"));
    CHECK(refused(limits).find("low_water") != std::string::npos);
    CHECK(refused({.in_per_second = ThrottleOptions::kMostRate, .burst = 1h}).empty());
}
