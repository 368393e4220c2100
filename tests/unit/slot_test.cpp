// The contract of Slot towards a driver.
#include "slot_driver.hpp"

#include <doctest/doctest.h>

#include <malloc.h>
#include <stdexcept>

using namespace switchboard;

TEST_CASE("slot: a slot is 24 bytes and callbacks come in the order of the calls") {
    CHECK(sizeof(Slot) <= 24);
    Log log;
    Driver d(make(noting(log, "a")));
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

TEST_CASE("slot: a connect that fails has on_close alone") {
    Log log;
    Driver d(make(noting(log, "a")));
    d.slot.close(errc::connect_timed_out);
    CHECK(log == Log{"a:close connect timed out"});
}

TEST_CASE("slot: the unused tail comes again in front of what follows") {
    Log log;
    Driver d(make(lines(log, "l")));
    d.slot.open(d);
    d.arrive("on");
    CHECK(d.slot.unread() == 2);
    d.arrive("e\ntwo\nth");
    CHECK(d.slot.unread() == 2);
    d.arrive("ree\n");
    CHECK(d.slot.unread() == 0);
    CHECK(log == Log{"l:open", "l:one", "l:two", "l:three"});
}

TEST_CASE("slot: what a handler leaves is offered again at once, until it answers zero") {
    Log log;
    Callbacks handler = noting(log, "p");
    handler.on_data = [&](Connection&, MutableBytes in) -> std::size_t {
        log.push_back(text_of(in));
        return in.size() == 2 ? 0 : 1;
    };
    Driver d(make(handler));
    d.slot.open(d);
    d.arrive("abcd");
    CHECK(log == Log{"p:open", "abcd", "bcd", "cd"});
    d.arrive("e");
    CHECK(log == Log{"p:open", "abcd", "bcd", "cd", "cde", "de"});
}

TEST_CASE("slot: bytes rewritten in place stay rewritten in the tail") {
    std::string seen;
    Callbacks handler;
    handler.on_data = [&](Connection&, MutableBytes in) -> std::size_t {
        for (std::byte& b : in)
            if (b >= std::byte{'a'}) b ^= std::byte{0x20};
        if (in.size() < 4) return 0;
        seen = text_of(in);
        return in.size();
    };
    Driver d(make(handler));
    d.slot.open(d);
    d.arrive("ab");
    d.arrive("CD");
    CHECK(seen == "ABCD");
}

TEST_CASE("slot: to use more than was offered costs the connection") {
    Callbacks handler;
    handler.on_data = [](Connection&, MutableBytes in) { return in.size() + 1; };
    Driver d(make(handler));
    d.slot.open(d);
    d.arrive("abc");
    CHECK(d.aborted == errc::handler_failed);
    CHECK(d.slot.failure() == "on_data used 4 of 3 bytes");
    CHECK(d.slot.unread() == 0);
}

TEST_CASE("slot: to leave more than max_unread costs the connection, exactly that does not") {
    for (const bool in_parts : {false, true}) {
        CAPTURE(in_parts);
        Callbacks handler;
        handler.on_data = [](Connection&, MutableBytes) -> std::size_t { return 0; };
        Driver d(make(handler), 8);
        d.slot.open(d);
        if (in_parts) d.arrive("1234");
        d.arrive(in_parts ? "5678" : "12345678");
        CHECK_FALSE(d.aborted);
        d.arrive("9");
        CHECK(d.aborted == errc::message_too_large);
        CHECK(d.slot.ended());
    }
}

TEST_CASE("slot: held back bytes wait, for either reason, and do not count as left unused") {
    for (const auto why : {Slot::Hold::handler, Slot::Hold::backpressure}) {
        Log log;
        Driver d(make(noting(log, "h")), 4);
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

TEST_CASE("slot: the two reasons to hold add up") {
    Driver d(make({}));
    d.slot.open(d);
    d.slot.hold(Slot::Hold::handler);
    d.slot.hold(Slot::Hold::backpressure);
    d.arrive("x");
    d.slot.release(Slot::Hold::handler);
    CHECK(d.slot.held());
    d.slot.drain(d);
    CHECK(d.slot.unread() == 1);
    d.slot.release(Slot::Hold::backpressure);
    d.slot.drain(d);
    CHECK(d.slot.unread() == 0);
}

TEST_CASE("slot: a pause inside on_data keeps the rest back until it is resumed") {
    Log log;
    Callbacks handler = noting(log, "p");
    handler.on_data = [&](Connection& c, MutableBytes in) -> std::size_t {
        log.push_back(text_of(in));
        c.pause_reading();
        return 1;
    };
    Driver d(make(handler));
    d.slot.open(d);
    d.arrive("abc");
    CHECK(log == Log{"p:open", "abc"});
    d.resume_reading();
    d.slot.resume(d);
    CHECK(log == Log{"p:open", "abc", "p:resume", "bc"});
}

TEST_CASE("slot: after close inside any callback nothing but on_close follows") {
    for (const Entry& entry : kEntries) {
        CAPTURE(entry.name);
        Log log;
        Callbacks handler = noting(log, "a");
        entry.replace(handler, [](Connection& c) { c.close(); });
        Driver d(make(handler));
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

TEST_CASE("slot: what a callback throws costs the connection, and is told") {
    for (const Entry& entry : kEntries) {
        CAPTURE(entry.name);
        Log log;
        Callbacks handler = noting(log, "a");
        entry.replace(handler, [](Connection&) { throw std::runtime_error("out of cheese"); });
        Driver d(make(handler));
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

TEST_CASE("slot: what is thrown need not be an exception") {
    Callbacks handler;
    handler.on_open = [](Connection&) { throw 42; };
    Driver d(make(handler));
    d.slot.open(d);
    CHECK(d.aborted == errc::handler_failed);
    CHECK(d.slot.failure() == "on_open threw");
}

TEST_CASE("slot: a message fed in drips costs linear work") {
    std::size_t offered = 0, calls = 0, scanned = 0;
    Callbacks handler;
    handler.on_data = [&](Connection&, MutableBytes in) -> std::size_t {
        ++calls;
        offered += in.size() - scanned;  // a handler that remembers looks only at what is new
        scanned = in.size();
        return as_text(in).back() == '\n' ? in.size() : 0;
    };
    Driver d(make(handler), 1 << 20);
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

TEST_CASE("slot: nothing is allocated while all is used") {
    std::size_t total = 0, during = 0;
    Callbacks handler;
    handler.on_data = [&](Connection&, MutableBytes in) {
        total += in.size();
        during = mallinfo2().uordblks;
        return in.size();
    };
    Driver d(make(handler));
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

TEST_CASE("slot: a short tail does not hold the memory of the long read it came with") {
    Log log;
    Driver d(make(lines(log, "l")), 1 << 20);
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

TEST_CASE("slot: closing lets go of what was unread, and keeps why the handler failed") {
    Callbacks handler;
    handler.on_data = [](Connection&, MutableBytes) -> std::size_t { return 0; };
    handler.on_eof = [](Connection&) { throw std::runtime_error("no end"); };
    Driver d(make(handler), 1 << 20);
    d.slot.open(d);
    d.arrive(std::string(100'000, 'x'));
    d.slot.eof(d);
    d.slot.close(errc::handler_failed);
    CHECK(d.slot.unread() == 0);
    CHECK(d.kept.lent < 1024);
    CHECK(d.slot.failure() == "on_eof threw: no end");
}
