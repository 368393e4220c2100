// The in-memory driver: input, output, and how a connection ends.
#include <doctest/doctest.h>

#include <unistd.h>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/error.hpp>
#include <switchboard/testing/memory.hpp>

#include "text.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using testing::MemoryDriver;
using testing::MemoryPeer;

namespace {

Callbacks echo() {
    return {.on_data = [](Connection& c, MutableBytes in) {
        c.write(in);
        return in.size();
    }};
}

// Returns a file that has been unlinked.
std::shared_ptr<const File> file_of(std::string_view text) {
    char path[] = "/tmp/switchboard-memory-XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    ::unlink(path);
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return std::make_shared<const File>(fd);
}

}  // namespace

TEST_CASE("memory: nothing happens outside a turn, and the clock starts past zero") {
    bool opened = false;
    MemoryDriver driver;
    MemoryPeer& peer =
        driver.connect(make_protocol({.on_open = [&](Connection&) { opened = true; }}));
    CHECK_FALSE(opened);
    CHECK(peer.connection() == nullptr);
    CHECK(driver.open() == 1);
    CHECK(driver.now() > Clock::time_point{});
    CHECK(driver.turn());
    CHECK(opened);
    CHECK(peer.connection() == driver.find(peer.id()));
    CHECK(peer.id() != ConnectionId{});
    CHECK_FALSE(driver.turn());
}

TEST_CASE("memory: echo, the peer's FIN, the protocol's close") {
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(callbacks(echo));
    peer.send("hel").send("lo");
    driver.run();
    CHECK(peer.received() == "hello");
    CHECK(peer.write_calls() == 1);
    CHECK_FALSE(peer.saw_eof());
    CHECK(peer.take_received() == "hello");
    CHECK(peer.received().empty());
    peer.send("bye").shutdown_write();
    driver.run();
    CHECK(peer.received() == "bye");
    CHECK(peer.saw_eof());
    CHECK_FALSE(peer.saw_reset());
    CHECK(peer.closed());
    CHECK_FALSE(peer.close_reason());
    CHECK(driver.open() == 0);
    CHECK(driver.find(peer.id()) == nullptr);
    peer.send("to nobody");
    driver.run();
    CHECK(peer.unread() == 0);
}

TEST_CASE("memory: the peer's reset drops what it sent and closes") {
    std::string seen;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol({.on_data = [&](Connection&, MutableBytes in) {
        seen += as_text(in);
        return in.size();
    }}));
    driver.run();
    peer.send("lost");
    peer.reset();
    driver.run();
    CHECK(seen.empty());
    CHECK(peer.close_reason() == std::errc::connection_reset);
    CHECK_FALSE(peer.saw_reset());
    CHECK_FALSE(peer.saw_eof());
}

TEST_CASE("memory: the output of one callback is sent in one call") {
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol({.on_data = [](Connection& c, MutableBytes) {
        for (int i = 0; i < 100; ++i) c.write("x");
        c.write_shared(test::shared_bytes("y"));
        return std::size_t{1};
    }}));
    peer.send("ab");
    driver.run();
    CHECK(peer.received().size() == 202);
    CHECK(peer.write_calls() == 1);
}

TEST_CASE("memory: output from outside a callback is sent at the end of the turn, in one call") {
    MemoryDriver driver;
    MemoryPeer& one = driver.connect(make_protocol({}));
    driver.run();
    MemoryPeer& two = driver.connect(make_protocol({.on_data = [&](Connection&, MutableBytes in) {
        one.connection()->write(in);
        one.connection()->write("!");
        CHECK(one.received().empty());
        return in.size();
    }}));
    two.send("psst");
    driver.turn();
    CHECK(one.received() == "psst!");
    CHECK(one.write_calls() == 1);
    one.connection()->write("from the test");
    CHECK(one.received() == "psst!");
    CHECK(one.queued() == 13);
    driver.turn();
    CHECK(one.received() == "psst!from the test");
}

TEST_CASE("memory: above high water write returns false and reading stops until low water") {
    std::string log;
    ConnectionLimits limits;
    limits.high_water = 10;
    limits.low_water = 4;
    auto handler = echo();
    handler.on_data = [&](Connection& c, MutableBytes in) {
        log += c.write(in) ? 'w' : 'f';
        return in.size();
    };
    handler.on_writable = [&](Connection&) { log += 'd'; };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol(handler), limits);
    peer.set_window(0);
    peer.send("1234567890");
    driver.run();
    CHECK(log == "w");
    peer.send("1");
    driver.run();
    CHECK(log == "wf");
    peer.send("not yet");
    driver.run();
    CHECK(peer.unread() == 7);
    peer.set_window(6);  // five bytes are left, one above low water
    driver.run();
    CHECK(log == "wf");
    peer.set_window(7);
    driver.run();
    CHECK(log == "wfdf");  // 4 + 7 bytes are above high water again
    CHECK(peer.queued() == 11);
    peer.set_window(100);
    driver.run();
    CHECK(peer.received() == "12345678901not yet");
    CHECK(log == "wfdfd");
}

TEST_CASE("memory: a peer that never reads costs bounded memory") {
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(callbacks(echo));
    peer.set_window(1000);
    peer.send(std::string(4 << 20, 'x'));
    driver.run();
    CHECK(peer.queued() <= 2 * 64 * 1024);
    CHECK_FALSE(peer.closed());
    peer.set_window(8 << 20);
    peer.shutdown_write();
    driver.run();
    CHECK(peer.received().size() == 4 << 20);
    CHECK(peer.closed());
}

TEST_CASE(
    "memory: more than max_write_buffer costs the connection, and max_write_buffer does not") {
    for (const std::size_t over : {0U, 1U}) {
        ConnectionLimits limits;
        limits.high_water = limits.max_write_buffer = 1000;
        bool answered = true;
        MemoryDriver driver;
        MemoryPeer& peer =
            driver.connect(make_protocol({.on_open =
                                              [&](Connection& c) {
                                                  c.write(std::string(500, 'x'));
                                                  answered = c.write(std::string(500 + over, 'x'));
                                              }}),
                           limits);
        peer.set_window(0);
        driver.run();
        CHECK(answered == (over == 0));
        CHECK(peer.closed() == (over == 1));
        if (over == 0) continue;
        CHECK(peer.close_reason() == errc::write_queue_full);
        CHECK(peer.saw_reset());
        CHECK(peer.received().empty());
    }
}

TEST_CASE("memory: more than max_write_buffer to a peer that reads is allowed") {
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(
        make_protocol({.on_open = [](Connection& c) { c.write(std::string(3 << 20, 'x')); }}));
    driver.run();
    CHECK(peer.received().size() == 3 << 20);
    CHECK_FALSE(peer.closed());
}

TEST_CASE("memory: close flushes, and nothing comes between it and on_close") {
    std::string log;
    Callbacks handler;
    handler.on_data = [&](Connection& c, MutableBytes in) {
        log += "data ";
        c.write("last words");
        c.close(errc::malformed_message);
        CHECK_FALSE(c.write("too late"));
        c.close(errc::stopping);
        return in.size();
    };
    handler.on_eof = [&](Connection&) { log += "eof "; };
    handler.on_deadline = [&](Connection&) { log += "deadline "; };
    handler.on_close = [&](std::error_code) { log += "close "; };
    handler.on_open = [](Connection& c) { c.set_deadline(c.now() + 1s); };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol(handler));
    peer.set_window(4);
    peer.send("x");
    driver.run();
    CHECK(peer.writes_after_close() == 1);
    peer.send("y").shutdown_write();
    driver.advance(2s);
    CHECK(log == "data ");
    CHECK_FALSE(peer.closed());
    CHECK_FALSE(peer.close_reason());
    CHECK(peer.connection() != nullptr);
    CHECK_FALSE(peer.connection()->write("still too late"));
    CHECK(peer.writes_after_close() == 1);
    peer.set_window(100);
    driver.run();
    CHECK(log == "data close ");
    CHECK(peer.received() == "last words");
    CHECK(peer.saw_eof());
    CHECK(peer.close_reason() == errc::malformed_message);
}

TEST_CASE("memory: a close that cannot flush ends at close_timeout, not before") {
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol({.on_open = [](Connection& c) {
        c.write("unread");
        c.close();
    }}));
    peer.set_window(0);
    driver.advance(5s - 1ns);
    CHECK_FALSE(peer.closed());
    driver.advance(1ns);
    CHECK(peer.close_reason() == errc::close_timed_out);
    CHECK(peer.saw_reset());
}

TEST_CASE("memory: a stalled write ends at write_stall_timeout, which progress restarts") {
    MemoryDriver driver;
    MemoryPeer& peer =
        driver.connect(make_protocol({.on_open = [](Connection& c) { c.write("unread"); }}));
    peer.set_window(0);
    driver.advance(59s);
    peer.set_window(1);
    driver.advance(60s - 1ns);
    CHECK_FALSE(peer.closed());
    driver.advance(1ns);
    CHECK(peer.close_reason() == errc::write_stalled);
    CHECK(peer.received() == "u");
}

TEST_CASE("memory: a time limit of zero means no limit") {
    ConnectionLimits limits;
    limits.write_stall_timeout = limits.close_timeout = 0ms;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol({.on_open =
                                                         [](Connection& c) {
                                                             c.write("unread");
                                                             c.close();
                                                         }}),
                                      limits);
    peer.set_window(0);
    driver.advance(10h);
    CHECK_FALSE(peer.closed());
}

TEST_CASE("memory: shutdown_write sends FIN after the queue, and reading goes on") {
    std::string seen;
    Callbacks handler;
    handler.on_open = [](Connection& c) {
        c.write("all there is");
        c.shutdown_write();
        CHECK_FALSE(c.write("more"));
    };
    handler.on_data = [&](Connection&, MutableBytes in) {
        seen += as_text(in);
        return in.size();
    };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol(handler));
    peer.set_window(3);
    driver.run();
    CHECK_FALSE(peer.saw_eof());
    peer.set_window(100);
    peer.send("reply");
    driver.run();
    CHECK(peer.received() == "all there is");
    CHECK(peer.saw_eof());
    CHECK(seen == "reply");
    CHECK_FALSE(peer.closed());
    CHECK(peer.writes_after_close() == 1);
}

TEST_CASE("memory: abort drops the queue, also while closing") {
    for (const bool closing : {false, true}) {
        MemoryDriver driver;
        MemoryPeer& peer =
            driver.connect(make_protocol({.on_data = [&](Connection& c, MutableBytes) {
                c.write("dropped");
                if (closing) c.close();
                c.abort(errc::malformed_message);
                c.abort(errc::stopping);
                return std::size_t{1};
            }}));
        peer.send("abc");
        driver.run();
        CHECK(peer.received().empty());
        CHECK(peer.saw_reset());
        CHECK_FALSE(peer.saw_eof());
        CHECK(peer.close_reason() == errc::malformed_message);
    }
}

TEST_CASE("memory: files are sent in order with other output, part by part") {
    const auto file = file_of("0123456789");
    std::string log;
    Callbacks handler;
    handler.on_data = [&](Connection& c, MutableBytes) {
        c.write("<");
        c.send_file({file, 2, 5});
        c.send_file({file, 0, 0});
        c.write(">");
        return std::size_t{1};
    };
    handler.on_writable = [&](Connection&) { log += 'd'; };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol(handler));
    peer.set_window(3);
    peer.send("a");
    driver.run();
    CHECK(peer.received() == "<23");
    CHECK(log.empty());
    peer.send("b");  // not read until the file has been sent
    driver.run();
    CHECK(peer.unread() == 1);
    peer.set_window(100);
    driver.run();
    CHECK(peer.received() == "<23456><23456>");
    CHECK(log == "dd");
}

TEST_CASE("memory: a file shorter than its range resets the peer") {
    const auto file = file_of("0123456789");
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol({.on_open = [&](Connection& c) {
        c.send_file({file, 5, 6});
    }}));
    driver.run();
    CHECK(peer.close_reason() == errc::file_too_short);
    CHECK(peer.saw_reset());
}

TEST_CASE("memory: a factory that returns null or throws refuses only that connection") {
    MemoryDriver driver;
    MemoryPeer& null = driver.connect([]() -> std::unique_ptr<Protocol> { return nullptr; });
    MemoryPeer& thrown = driver.connect(
        ProtocolFactory([]() -> std::unique_ptr<Protocol> { throw std::runtime_error("no"); }));
    MemoryPeer& good = driver.connect(callbacks(echo));
    driver.run();
    CHECK(null.closed());
    CHECK(null.saw_reset());
    CHECK(thrown.closed());
    CHECK(driver.open() == 1);
    CHECK_FALSE(good.closed());
}

TEST_CASE("memory: a handler that throws loses its own connection, with the reason") {
    MemoryDriver driver;
    MemoryPeer& bad =
        driver.connect(make_protocol({.on_data = [](Connection&, MutableBytes) -> std::size_t {
            throw std::runtime_error("x");
        }}));
    MemoryPeer& good = driver.connect(callbacks(echo));
    bad.send("1");
    good.send("1");
    driver.run();
    CHECK(bad.close_reason() == errc::handler_failed);
    CHECK(bad.failure() == "on_data threw: x");
    CHECK(good.received() == "1");
    CHECK(good.failure().empty());
}

TEST_CASE("memory: the driver's destructor closes all connections, also those that never opened") {
    std::vector<std::string> log;
    const auto noting = [&](std::string name) {
        return make_protocol({.on_close = [&log, name](std::error_code reason) {
            log.push_back(name + ": " + reason.message());
        }});
    };
    {
        MemoryDriver driver;
        driver.connect(noting("open"));
        driver.run();
        driver.connect(noting("fresh"));
    }
    CHECK(log == std::vector<std::string>{"open: the server is stopping",
                                          "fresh: the server is stopping"});
}
