// ProtocolRunner: switches from one protocol to another, and reasons to hold bytes back.
#include "protocol_runner_driver.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

using namespace switchboard;

TEST_CASE("protocol runner: switch_to from each callback passes on unused bytes") {
    for (const Entry& entry : kEntries) {
        CAPTURE(entry.name);
        Log log;
        Callbacks handler = noting(log, "a");
        entry.replace(handler,
                      [&](Connection& c) { c.switch_to(make_protocol(noting(log, "b"))); });
        Driver d(make_protocol(handler));
        d.slot.open(d);
        log.clear();
        entry.provoke(d);
        if (std::string(entry.name) == "on_data") {
            CHECK(log == Log{"a:close", "b:open", "b:bc"});
        } else if (std::string(entry.name) != "on_open") {
            CHECK(log == Log{"a:close", "b:open"});
        }
        log.clear();
        d.arrive("xyz");
        CHECK(log == Log{"b:xyz"});
    }
}

TEST_CASE("protocol runner: a kept tail is passed to the next protocol") {
    Log log;
    Callbacks handler = lines(log, "a");
    handler.on_deadline = [&](Connection& c) { c.switch_to(make_protocol(noting(log, "b"))); };
    Driver d(make_protocol(handler));
    d.slot.open(d);
    d.arrive("tail");
    d.slot.deadline(d);
    CHECK(log == Log{"a:open", "a:close", "b:open", "b:tail"});
}

TEST_CASE("protocol runner: switches can be chained, from on_open and from on_data without use") {
    Log log;
    Callbacks b = noting(log, "b");
    b.on_open = [&](Connection& c) { c.switch_to(make_protocol(noting(log, "c"))); };
    Callbacks a = noting(log, "a");
    a.on_data = [&](Connection& c, MutableBytes) -> std::size_t {
        c.switch_to(make_protocol(b));
        return 0;
    };
    Driver d(make_protocol(a));
    d.slot.open(d);
    d.arrive("abc");
    CHECK(log == Log{"a:open", "a:close", "b:close", "c:open", "c:abc"});
}

TEST_CASE("protocol runner: a close in the callback that switches prevents the next protocol") {
    for (const bool close_first : {false, true}) {
        Log log;
        Callbacks handler = noting(log, "a");
        handler.on_data = [&](Connection& c, MutableBytes in) {
            if (close_first) c.close();
            c.switch_to(make_protocol(noting(log, "b")));
            if (!close_first) c.close();
            return in.size();
        };
        Driver d(make_protocol(handler));
        d.slot.open(d);
        d.arrive("x");
        d.slot.close({});
        CHECK(log == Log{"a:open", "a:close"});
    }
}

TEST_CASE("protocol runner: a handler that needs more bytes leaves the driver no work") {
    Log log;
    Driver d(make_protocol(lines(log, "l")));
    d.slot.open(d);
    d.arrive("half a li");
    CHECK_FALSE(d.slot.has_work());
    d.slot.drain(d);
    CHECK(log == Log{"l:open", "l:drain"});
}

TEST_CASE("protocol runner: bytes refused under backpressure are offered again after it") {
    Log log;
    Driver* driver = nullptr;
    Callbacks handler = noting(log, "a");
    handler.on_data = [&](Connection&, MutableBytes in) -> std::size_t {
        log.push_back(text_of(in));
        if (log.size() > 2) return in.size();
        driver->slot.hold(ProtocolRunner::Hold::backpressure);  // like a write above high water
        return 0;
    };
    Driver d(make_protocol(handler));
    driver = &d;
    d.slot.open(d);
    d.arrive("abc");
    CHECK(log == Log{"a:open", "abc"});
    d.slot.release(ProtocolRunner::Hold::backpressure);
    CHECK(d.slot.has_work());
    d.slot.drain(d);
    CHECK(log == Log{"a:open", "abc", "a:drain", "abc"});
}

TEST_CASE("protocol runner: a switch from outside happens before any other delivery") {
    for (const Entry& entry : kEntries) {
        const std::string name = entry.name;
        if (name == "on_open") continue;
        CAPTURE(name);
        Log log;
        Driver d(make_protocol(noting(log, "a")));
        d.slot.open(d);
        d.switch_to(make_protocol(noting(log, "b")));
        CHECK(d.slot.has_work());
        log.clear();
        entry.provoke(d);
        CHECK(log[0] == "a:close");
        CHECK(log[1] == "b:open");
        CHECK(log.size() == (name == "on_data" ? 3 : 2));
        CHECK_FALSE(d.slot.has_work());
    }
}

TEST_CASE("protocol runner: the next protocol is not paused, has no deadline, and gets the FIN") {
    Log log;
    Callbacks handler = noting(log, "a");
    handler.on_data = [&](Connection& c, MutableBytes) -> std::size_t {
        c.pause_reading();
        c.set_deadline(Clock::time_point{});
        c.switch_to(make_protocol(lines(log, "b")));
        return 1;
    };
    Callbacks last = lines(log, "b");
    last.on_eof = [&](Connection& c) { c.switch_to(make_protocol(noting(log, "c"))); };
    Driver d(make_protocol(handler));
    d.slot.open(d);
    d.arrive("abc\n");
    CHECK(log == Log{"a:open", "a:close", "b:open", "b:bc"});
    CHECK(d.deadline == Clock::time_point::max());
    CHECK_FALSE(d.slot.saw_eof());
    d.slot.eof(d);
    CHECK(d.slot.saw_eof());
    d.slot.eof(d);
    CHECK(log.back() == "b:eof");
    d.switch_to(make_protocol(last));
    d.slot.resume(d);
    CHECK_FALSE(d.slot.saw_eof());
    log.clear();
    d.slot.eof(d);
    CHECK(log == Log{"b:close", "c:open"});
    CHECK_FALSE(d.slot.saw_eof());
    d.slot.eof(d);
    CHECK(log == Log{"b:close", "c:open", "c:eof"});
}

TEST_CASE("protocol runner: an end in the old protocol's on_close opens no new protocol") {
    Log log;
    Driver* driver = nullptr;
    Callbacks handler;
    handler.on_data = [&](Connection& c, MutableBytes in) {
        c.switch_to(make_protocol(noting(log, "b")));
        return in.size();
    };
    handler.on_close = [&](std::error_code) {
        CHECK(driver->slot.running());
        driver->close({});
    };
    Driver d(make_protocol(handler));
    driver = &d;
    d.slot.open(d);
    d.arrive("x");
    d.slot.close(errc::stopping);
    CHECK(log.empty());
}

TEST_CASE("protocol runner: on_close is called once for each opened protocol, at any end") {
    for (const Entry& entry : kEntries) {
        for (const bool by_abort : {false, true}) {
            CAPTURE(entry.name);
            CAPTURE(by_abort);
            Log log;
            Driver* driver = nullptr;
            const auto alive = std::make_shared<int>();
            Callbacks next = noting(log, "b");
            next.on_data = [alive](Connection&, MutableBytes in) { return in.size(); };
            Callbacks handler = noting(log, "a");
            entry.replace(handler, [&](Connection& c) {
                c.switch_to(make_protocol(std::exchange(next, {})));
            });
            handler.on_close = [&](std::error_code reason) {
                log.push_back(reason ? "a:close again" : "a:close");
                by_abort ? driver->abort(errc::stopping) : driver->close({});
            };
            Driver d(make_protocol(handler));
            driver = &d;
            d.slot.open(d);
            entry.provoke(d);
            CHECK(alive.use_count() == 1);  // the next protocol has already been destroyed
            d.slot.close(errc::stopping);
            CHECK(log.back() == "a:close");
            CHECK(std::count(log.begin(), log.end(), "a:close") == 1);
        }
    }
}

TEST_CASE("protocol runner: the last of several switches in a callback counts") {
    Log log;
    Callbacks handler = noting(log, "a");
    handler.on_data = [&](Connection& c, MutableBytes in) {
        c.switch_to(make_protocol(noting(log, "b")));
        c.switch_to(make_protocol(noting(log, "c")));
        return in.size();
    };
    Driver d(make_protocol(handler));
    d.slot.open(d);
    d.arrive("x");
    d.slot.close({});
    CHECK(log == Log{"a:open", "a:close", "c:open", "c:close"});
}

TEST_CASE("protocol runner: a switch before the connection opens happens after on_open") {
    for (const bool opens : {true, false}) {
        CAPTURE(opens);
        Log log;
        Driver d(make_protocol(noting(log, "a")));
        d.switch_to(make_protocol(noting(log, "b")));
        if (opens) d.slot.open(d);
        d.slot.close(errc::stopping);
        const std::string end = ":close the server is stopping";
        CHECK(log == (opens ? Log{"a:open", "a:close", "b:open", "b" + end} : Log{"a" + end}));
    }
}

TEST_CASE("protocol runner: after a switch only the protocol stays on the heap") {
    Driver d(make_protocol({}));
    d.slot.open(d);
    d.switch_to(make_protocol({}));
    CHECK(d.kept.lent > 0);
    d.slot.resume(d);
    CHECK(d.kept.lent == 0);
}
