// The contract between ProtocolRunner and a driver.
#include "protocol_runner_driver.hpp"

#include <doctest/doctest.h>

#include <malloc.h>
#include <stdexcept>

using namespace switchboard;

TEST_CASE("protocol runner: a slot is 24 bytes and callbacks come in the order of the calls") {
    CHECK(sizeof(ProtocolRunner) <= 24);
    Log log;
    Driver d(make_protocol(noting(log, "a")));
    CHECK_FALSE(d.slot.is_open());
    d.slot.open(d);
    CHECK(d.slot.is_open());
    d.arrive("one");
    d.slot.drain(d);
    d.slot.resume(d);
    d.slot.deadline(d);
    d.slot.eof(d);
    d.slot.close({});
    d.slot.close({});
    CHECK(log == Log{"a:open", "a:one", "a:drain", "a:resume", "a:deadline", "a:eof", "a:close"});
    CHECK(d.slot.protocol() == nullptr);
}

TEST_CASE("protocol runner: a failed connect calls only on_close") {
    Log log;
    Driver d(make_protocol(noting(log, "a")));
    d.slot.close(errc::connect_timed_out);
    CHECK(log == Log{"a:close connect timed out"});
}

TEST_CASE("protocol runner: the unused tail is offered again, before the bytes that follow") {
    Log log;
    Driver d(make_protocol(lines(log, "l")));
    d.slot.open(d);
    d.arrive("on");
    CHECK(d.slot.unread() == 2);
    d.arrive("e\ntwo\nth");
    CHECK(d.slot.unread() == 2);
    d.arrive("ree\n");
    CHECK(d.slot.unread() == 0);
    CHECK(log == Log{"l:open", "l:one", "l:two", "l:three"});
}

TEST_CASE(
    "protocol runner: unused bytes are offered again at once, until the handler returns zero") {
    Log log;
    Callbacks handler = noting(log, "p");
    handler.on_data = [&](Connection&, MutableBytes in) -> std::size_t {
        log.push_back(text_of(in));
        return in.size() == 2 ? 0 : 1;
    };
    Driver d(make_protocol(handler));
    d.slot.open(d);
    d.arrive("abcd");
    CHECK(log == Log{"p:open", "abcd", "bcd", "cd"});
    d.arrive("e");
    CHECK(log == Log{"p:open", "abcd", "bcd", "cd", "cde", "de"});
}

TEST_CASE("protocol runner: bytes rewritten in place stay rewritten in the tail") {
    std::string seen;
    Callbacks handler;
    handler.on_data = [&](Connection&, MutableBytes in) -> std::size_t {
        for (std::byte& b : in)
            if (b >= std::byte{'a'}) b ^= std::byte{0x20};
        if (in.size() < 4) return 0;
        seen = text_of(in);
        return in.size();
    };
    Driver d(make_protocol(handler));
    d.slot.open(d);
    d.arrive("ab");
    d.arrive("CD");
    CHECK(seen == "ABCD");
}

TEST_CASE("protocol runner: using more bytes than offered costs the connection") {
    Callbacks handler;
    handler.on_data = [](Connection&, MutableBytes in) { return in.size() + 1; };
    Driver d(make_protocol(handler));
    d.slot.open(d);
    d.arrive("abc");
    CHECK(d.aborted == errc::handler_failed);
    CHECK(d.slot.failure() == "on_data used 4 of 3 bytes");
    CHECK(d.slot.unread() == 0);
}

TEST_CASE("protocol runner: leaving more than max_read_buffer unused costs the connection") {
    for (const bool in_parts : {false, true}) {
        CAPTURE(in_parts);
        Callbacks handler;
        handler.on_data = [](Connection&, MutableBytes) -> std::size_t { return 0; };
        Driver d(make_protocol(handler), 8);
        d.slot.open(d);
        if (in_parts) d.arrive("1234");
        d.arrive(in_parts ? "5678" : "12345678");
        CHECK_FALSE(d.aborted);
        d.arrive("9");
        CHECK(d.aborted == errc::message_too_large);
        CHECK(d.slot.ended());
    }
}

TEST_CASE("protocol runner: held bytes wait, for either reason, and do not count as unused") {
    for (const auto why : {ProtocolRunner::Hold::handler, ProtocolRunner::Hold::backpressure}) {
        Log log;
        Driver d(make_protocol(noting(log, "h")), 4);
        d.slot.open(d);
        d.slot.hold(why);
        CHECK(d.slot.held(why));
        d.arrive("123456");
        d.arrive("789");
        CHECK_FALSE(d.aborted);
        CHECK(d.slot.unread() == 9);
        CHECK_FALSE(d.slot.has_work());
        d.slot.release(why);
        CHECK(d.slot.has_work());
        d.slot.resume(d);
        CHECK(log == Log{"h:open", "h:resume", "h:123456789"});
        CHECK_FALSE(d.slot.has_work());
    }
}

TEST_CASE("protocol runner: the two reasons to hold add up") {
    Driver d(make_protocol({}));
    d.slot.open(d);
    d.slot.hold(ProtocolRunner::Hold::handler);
    d.slot.hold(ProtocolRunner::Hold::backpressure);
    d.arrive("x");
    d.slot.release(ProtocolRunner::Hold::handler);
    CHECK(d.slot.held());
    d.slot.drain(d);
    CHECK(d.slot.unread() == 1);
    d.slot.release(ProtocolRunner::Hold::backpressure);
    d.slot.drain(d);
    CHECK(d.slot.unread() == 0);
}

TEST_CASE("protocol runner: a pause in on_data holds the rest back until it is resumed") {
    Log log;
    Callbacks handler = noting(log, "p");
    handler.on_data = [&](Connection& c, MutableBytes in) -> std::size_t {
        log.push_back(text_of(in));
        c.pause_reading();
        return 1;
    };
    Driver d(make_protocol(handler));
    d.slot.open(d);
    d.arrive("abc");
    CHECK(log == Log{"p:open", "abc"});
    d.resume_reading();
    d.slot.resume(d);
    CHECK(log == Log{"p:open", "abc", "p:resume", "bc"});
}

TEST_CASE("protocol runner: after close in any callback only on_close follows") {
    for (const Entry& entry : kEntries) {
        CAPTURE(entry.name);
        Log log;
        Callbacks handler = noting(log, "a");
        entry.replace(handler, [](Connection& c) { c.close(); });
        Driver d(make_protocol(handler));
        d.slot.open(d);
        entry.provoke(d);
        CHECK(d.slot.ended());
        log.clear();
        for (const Entry& other : kEntries)
            if (&other != &kEntries[0]) other.provoke(d);
        CHECK(log.empty());
        d.slot.close({});
        CHECK(log == Log{"a:close"});
    }
}

TEST_CASE("protocol runner: an exception of a callback costs the connection, and is reported") {
    for (const Entry& entry : kEntries) {
        CAPTURE(entry.name);
        Log log;
        Callbacks handler = noting(log, "a");
        entry.replace(handler, [](Connection&) { throw std::runtime_error("out of cheese"); });
        Driver d(make_protocol(handler));
        d.slot.open(d);
        entry.provoke(d);
        CHECK(d.aborted == errc::handler_failed);
        CHECK(d.slot.failure() == std::string(entry.name) + " threw: out of cheese");
        CHECK_FALSE(d.slot.running());
        log.clear();
        d.arrive("more");
        d.slot.close(errc::handler_failed);
        CHECK(log == Log{"a:close the protocol handler failed"});
    }
}

TEST_CASE("protocol runner: a thrown value need not be a std::exception") {
    Callbacks handler;
    handler.on_open = [](Connection&) { throw 42; };
    Driver d(make_protocol(handler));
    d.slot.open(d);
    CHECK(d.aborted == errc::handler_failed);
    CHECK(d.slot.failure() == "on_open threw");
}

TEST_CASE("protocol runner: the text of a failure begins with the label of the protocol") {
    struct Labelled final : Protocol {
        std::size_t on_data(Connection&, MutableBytes in) override { return in.size() + 1; }
        std::string_view label() const noexcept override { return "kv"; }
    };
    Driver d(std::make_unique<Labelled>());
    d.slot.open(d);
    d.arrive("hello");
    CHECK(d.aborted == errc::handler_failed);
    CHECK(d.slot.failure() == "kv: on_data used 6 of 5 bytes");
}

TEST_CASE("protocol runner: a message that arrives byte by byte costs linear work") {
    std::size_t offered = 0, calls = 0, scanned = 0;
    Callbacks handler;
    handler.on_data = [&](Connection&, MutableBytes in) -> std::size_t {
        ++calls;
        offered += in.size() - scanned;  // a handler that remembers scans only new bytes
        scanned = in.size();
        return as_text(in).back() == '\n' ? in.size() : 0;
    };
    Driver d(make_protocol(handler), 1 << 20);
    d.slot.open(d);
    const std::size_t most = 50'000;
    for (std::size_t i = 1; i < most; ++i) d.arrive("x");
    CHECK(d.kept.lent < 3 * most);
    d.arrive("\n");
    CHECK(calls == most);
    CHECK(offered == most);
    CHECK(d.slot.unread() == 0);
    CHECK(d.kept.lent == 0);
}

TEST_CASE("protocol runner: nothing is allocated if all bytes are used") {
    std::size_t total = 0, during = 0;
    Callbacks handler;
    handler.on_data = [&](Connection&, MutableBytes in) {
        total += in.size();
        during = mallinfo2().uordblks;
        return in.size();
    };
    Driver d(make_protocol(handler));
    d.slot.open(d);
    std::string buffer(64, 'x');
    const auto view = [&] {
        return MutableBytes(reinterpret_cast<std::byte*>(buffer.data()), buffer.size());
    };
    const auto before = mallinfo2();
    for (int i = 0; i < 1000; ++i) d.slot.data(d, view());
    CHECK(during == before.uordblks);
    CHECK(mallinfo2().uordblks == before.uordblks);
    CHECK(total == 64'000);
}

TEST_CASE("protocol runner: a short tail does not keep the memory of a long read") {
    Log log;
    Driver d(make_protocol(lines(log, "l")), 1 << 20);
    d.slot.open(d);
    d.arrive("x");
    const std::string long_read = std::string(200'000, 'y') + "\nz";
    d.arrive(long_read);
    log = {};
    CHECK(d.slot.unread() == 1);
    CHECK(d.kept.lent < 1024);
    d.arrive("\n");
    CHECK(log == Log{"l:z"});
}

TEST_CASE("protocol runner: closing releases unread bytes, and keeps the handler's error") {
    Callbacks handler;
    handler.on_data = [](Connection&, MutableBytes) -> std::size_t { return 0; };
    handler.on_eof = [](Connection&) { throw std::runtime_error("no end"); };
    Driver d(make_protocol(handler), 1 << 20);
    d.slot.open(d);
    d.arrive(std::string(100'000, 'x'));
    d.slot.eof(d);
    d.slot.close(errc::handler_failed);
    CHECK(d.slot.unread() == 0);
    CHECK(d.kept.lent < 1024);
    CHECK(d.slot.failure() == "on_eof threw: no end");
}
