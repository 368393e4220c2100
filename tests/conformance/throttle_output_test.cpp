// Throttling in memory: output waits in order and within its limits, and ends in the way that was
// requested.
#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <memory>

#include "loopback.hpp"
#include "throttle_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using testing::MemoryDriver;
using testing::MemoryPeer;

namespace {

using OnOpen = std::function<void(Connection&)>;

// Returns a protocol that calls `opens` in on_open, and notes its end.
ProtocolFactory opening(Meter& got, OnOpen opens) {
    return callbacks([&got, opens] {
        Callbacks handler = meter(got);
        handler.on_open = opens;
        return handler;
    });
}

std::shared_ptr<const std::vector<std::byte>> shared(std::string_view text) {
    const Bytes bytes = as_bytes(text);
    return std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
}

std::shared_ptr<const File> file_of(const std::string& path, std::string_view text) {
    std::ofstream(path) << text;
    auto file = File::open(path);
    REQUIRE(file.has_value());
    return *file;
}

}  // namespace

TEST_CASE("throttle: writes, shared buffers, files and the FIN keep their order, at the rate") {
    const TempDir folder;
    const std::string text = numbers(5'000);
    const auto file = file_of(folder / "file", text);
    const auto writes = [&](Connection& c) {
        c.write("begin ");
        c.send_file({file, 1'000, 3'000});
        c.write_shared(shared(text));
        c.send_file({file, 0, 1});
        const Bytes pieces[] = {as_bytes(" two"), as_bytes(""), as_bytes(" pieces ")};
        c.write(pieces);
        c.send_file({file, 0, 0});
        c.write_shared(shared("end"));
        c.shutdown_write();
        CHECK_FALSE(c.write("never"));
        CHECK_FALSE(c.write_shared(shared("never")));
        c.send_file({file, 0, 5});
    };
    const std::string whole =
        "begin " + text.substr(1'000, 3'000) + text + text[0] + " two pieces end";
    for (const auto& options :
         {ThrottleOptions{.out_per_second = 1'000}, ThrottleOptions{.all_out_per_second = 1'000},
          ThrottleOptions{.in_per_second = 1'000}}) {
        Meter above, got;
        MemoryDriver driver;
        driver.join(slowed(opening(above, writes), options)(), make_protocol(meter(got)));
        driver.run();
        CHECK(above.text.empty());
        driver.advance(9s);
        CHECK(got.text.size() >= 8'000);
        CHECK(got.eof == (got.text.size() == whole.size()));
        if (options.in_per_second == 0) CHECK(got.most_at_once(1'000) <= 100 + 1e-3L);
        driver.advance(1h);
        CHECK(got.text == whole);
        CHECK(got.eof);
        CHECK_FALSE(got.closed);  // reading continues
    }
}

TEST_CASE("throttle: a file that is too short costs the connection, as without a throttle") {
    const TempDir folder;
    const auto file = file_of(folder / "file", numbers(2'000));
    Meter above;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(slowed(opening(above,
                                                     [&](Connection& c) {
                                                         c.send_file({file, 0, 3'000});
                                                     }),
                                             {.out_per_second = 1'000}));
    driver.advance(1h);
    CHECK(peer.received() == numbers(2'000));
    CHECK(above.reason == make_error_code(errc::file_too_short));
}

TEST_CASE("throttle: close sends the queued output, at the rate, and reads no more") {
    const TempDir folder;
    const auto file = file_of(folder / "file", numbers(1'000));
    const std::error_code why = make_error_code(errc::malformed_message);
    Meter above;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(slowed(opening(above,
                                                     [&](Connection& c) {
                                                         c.write(numbers(50'000));
                                                         c.send_file({file, 0, 1'000});
                                                         c.set_deadline(c.now() + 1s);
                                                         c.close(why);
                                                         c.close();
                                                         CHECK_FALSE(c.write("never"));
                                                     }),
                                             {.out_per_second = 1'000}));
    peer.send("not read").shutdown_write();
    driver.advance(50s);  // ten times the close_timeout
    CHECK_FALSE(above.closed);
    CHECK(peer.received().size() >= 50'000);
    driver.advance(1s);
    CHECK(peer.received() == numbers(50'000) + numbers(1'000));
    CHECK(peer.saw_eof());
    CHECK(above.closed);
    CHECK(above.reason == why);
    CHECK(above.text.empty());
    CHECK_FALSE(above.eof);
}

TEST_CASE(
    "throttle: in a close, close_timeout bounds each wait for the peer, but not for the rate") {
    ThrottleOptions options{.out_per_second = 100'000};
    options.limits.close_timeout = 5s;
    options.limits.close_deadline = 20s;
    ConnectionLimits below;
    below.close_timeout = 1s;
    Meter above;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(slowed(opening(above,
                                                     [&](Connection& c) {
                                                         c.write(numbers(800'000));
                                                         c.close();
                                                     }),
                                             options)(),
                                      below);
    peer.set_window(300'000);
    driver.advance(3s);
    CHECK(peer.received().size() == 300'000);
    SUBCASE("who takes it in time has all of it") {
        driver.advance(3s);
        peer.set_window(600'000);
        driver.advance(5s);
        CHECK_FALSE(above.closed);
        peer.set_window(800'000);
        driver.advance(2s);
        CHECK(peer.received() == numbers(800'000));
        CHECK(above.closed);
        CHECK_FALSE(above.reason);
    }
    SUBCASE("who takes nothing has not") {
        driver.advance(6s);
        CHECK(above.reason == make_error_code(errc::close_timed_out));
        CHECK(peer.saw_reset());
    }
    SUBCASE("who takes a little now and then has close_deadline") {
        for (int i = 0; i < 10 && !above.closed; ++i) {
            driver.advance(2s);
            peer.set_window(peer.received().size() + 40'000);
        }
        CHECK(above.reason == make_error_code(errc::close_timed_out));
        CHECK(peer.saw_reset());
    }
}

TEST_CASE("throttle: in a close of a full connection the peer's time starts with the close") {
    Meter above;
    Connection* connection = nullptr;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(slowed(opening(above,
                                                     [&](Connection& c) {
                                                         connection = &c;
                                                         c.write(numbers(800'000));
                                                     }),
                                             {.out_per_second = 100'000'000}));
    peer.set_window(0);
    driver.advance(1s);
    connection->close();
    driver.advance(4'999ms);
    CHECK_FALSE(above.closed);
    driver.advance(1ms);
    CHECK(above.reason == make_error_code(errc::close_timed_out));
}

TEST_CASE("throttle: abort drops the queued output, also during a close") {
    for (const bool closing : {false, true}) {
        CAPTURE(closing);
        Meter above;
        Connection* connection = nullptr;
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(slowed(opening(above,
                                                         [&](Connection& c) {
                                                             connection = &c;
                                                             c.write(numbers(50'000));
                                                         }),
                                                 {.out_per_second = 1'000}));
        driver.advance(1s);
        if (closing) connection->close(make_error_code(errc::malformed_message));
        connection->abort(make_error_code(errc::idle_timed_out));
        driver.run();
        CHECK(peer.received().size() <= 1'100);
        CHECK(peer.saw_reset());
        CHECK(above.reason == make_error_code(errc::idle_timed_out));
    }
}

TEST_CASE("throttle: write answers false above high_water, and on_writable comes at low_water") {
    ThrottleOptions options{.out_per_second = 1'000};
    options.limits.high_water = 500;
    options.limits.low_water = 200;
    std::vector<std::size_t> drained;
    MemoryDriver driver;
    MemoryPeer* peer = nullptr;
    peer = &driver.connect(slowed(callbacks([&] {
                                      return Callbacks{
                                          .on_open =
                                              [](Connection& c) {
                                                  // the burst
                                                  CHECK(c.write(std::string(100, 'a')));
                                                  CHECK(c.write(std::string(500, 'b')));
                                                  CHECK_FALSE(c.write("c"));
                                                  CHECK_FALSE(c.write("d"));
                                              },
                                          .on_writable =
                                              [&](Connection& c) {
                                                  drained.push_back(peer->received().size());
                                                  CHECK(c.write("e"));
                                              }};
                                  }),
                                  options));
    driver.advance(1h);
    CHECK(peer->received() == std::string(100, 'a') + std::string(500, 'b') + "cde");
    REQUIRE(drained.size() == 1);
    CHECK(drained[0] + 50 >= 602 - 200);  // and the piece that is sent when the callback returns
    CHECK(drained[0] <= 602 - 200);
}

TEST_CASE("throttle: more than max_write_buffer costs the connection") {
    ThrottleOptions options{.out_per_second = 1'000};
    options.limits.max_write_buffer = 100'000;
    Meter above;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(slowed(opening(above,
                                                     [](Connection& c) {
                                                         c.write(std::string(100'100, 'x'));
                                                         CHECK_FALSE(c.write("y"));
                                                         CHECK_FALSE(c.write("z"));
                                                     }),
                                             options));
    driver.run();
    CHECK(above.reason == make_error_code(errc::write_queue_full));
    CHECK(peer.saw_reset());
    CHECK(peer.writes_after_close() == 0);
}

TEST_CASE("throttle: a peer that never reads costs bounded memory, and loses nothing") {
    const std::string text = numbers(5'000'000);
    for (const auto& options : {ThrottleOptions{.out_per_second = 100'000'000},
                                ThrottleOptions{.out_per_second = 100'000},
                                ThrottleOptions{.in_per_second = 1'000'000}}) {
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(slowed(echoing(), options), {.write_stall_timeout = 0s});
        peer.set_window(0);
        peer.send(text).shutdown_write();
        driver.advance(1min);
        CHECK(text.size() - peer.unread() <= 512 * 1024);
        CHECK(peer.queued() <= 256 * 1024);
        peer.set_window(text.size());
        driver.advance(1min);
        CHECK(peer.received() == text);
        CHECK(peer.closed());
    }
}

TEST_CASE("throttle: a protocol gets no input while its output waits, unless it wants it") {
    struct Both final : Protocol {
        Both(bool reads, Meter* got) : reads_(reads), got_(*got) {}
        void on_open(Connection& c) override { c.write(std::string(100'000, 'x')); }
        std::size_t on_data(Connection& c, MutableBytes in) override {
            got_.note(c.now(), in);
            return in.size();
        }
        bool reads_under_backpressure() const noexcept override { return reads_; }
        bool reads_;
        Meter& got_;
    };
    for (const bool reads : {false, true}) {
        CAPTURE(reads);
        Meter got;
        MemoryDriver driver;
        MemoryPeer& peer =
            driver.connect(slowed(factory_of<Both>(reads, &got), {.out_per_second = 10'000}));
        peer.send("hello");
        driver.advance(5s);  // 48 KiB are queued
        CHECK(got.text == (reads ? "hello" : ""));
        driver.advance(2s);
        CHECK(got.text == "hello");
        CHECK(got.arrivals.size() == 1);
    }
}

TEST_CASE("throttle: every kind of end is reported once, and a reset frees the queued output") {
    Meter above;
    MemoryDriver driver;
    const auto buffer = shared(numbers(50'000));
    MemoryPeer& peer = driver.connect(slowed(
        opening(above, [&](Connection& c) { c.write_shared(buffer); }), {.out_per_second = 1'000}));
    driver.advance(1s);
    CHECK(buffer.use_count() == 2);
    peer.reset();
    driver.run();
    CHECK(above.closed);
    CHECK(above.reason == std::errc::connection_reset);
    CHECK(buffer.use_count() == 1);
}

TEST_CASE("throttle: ids, endpoints and times are those of the driver") {
    Meter above;
    MemoryDriver driver;
    ConnectionId id{7, 7};
    MemoryPeer& peer =
        driver.connect(slowed(opening(above,
                                      [&](Connection& c) {
                                          id = c.id();
                                          CHECK(c.now() == driver.now());
                                          CHECK(c.peer().to_string() == "unix:");
                                          CHECK(c.local().to_string() == "unix:");
                                          CHECK(c.peer_credentials().error() == errc::unsupported);
                                          CHECK(c.memory() == std::pmr::get_default_resource());
                                      }),
                              {.in_per_second = 1}));
    driver.run();
    CHECK(id == peer.id());
}

TEST_CASE("throttle: factories of one shared throttle have one rate for all") {
    const auto throttle = shared_throttle({.all_out_per_second = 10'000}).value();
    std::array<Meter, 2> got;
    MemoryDriver driver;
    for (Meter& each : got)
        driver.join(throttle(source(numbers(20'000)))(), make_protocol(meter(each)));
    driver.advance(1s);
    CHECK(got[0].text.size() + got[1].text.size() <= 11'000);
    for (const Meter& each : got) CHECK(each.text.size() >= 4'500);
    CHECK_FALSE(shared_throttle({.burst = 0ms}).has_value());
}
