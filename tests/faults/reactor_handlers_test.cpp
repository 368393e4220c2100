// Misbehaving handlers: they throw, close and abort in every callback, and write after the end.
#include <switchboard/reactor_stats.hpp>
#include <vector>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> kCallbacks = {"on_open",   "on_data", "on_writable",
                                             "on_resume", "on_eof",  "on_deadline"};

using Deed = std::function<void(Connection&)>;

// Returns a handler that gets every callback, and calls `deed` in the callback `name`.
Callbacks handler_with(const std::string& name, Deed deed, ConnectionEnd& ending) {
    const auto here = [name, deed = std::move(deed)](Connection& c, const char* callback) {
        if (name == callback) deed(c);
    };
    return {.on_open =
                [=](Connection& c) {
                    here(c, "on_open");
                    if (name == "on_writable") c.write(std::string(900'000, 'x'));
                    if (name == "on_resume") c.pause_reading(), c.resume_reading();
                    if (name == "on_deadline") c.set_deadline(c.now() + 1ms);
                },
            .on_data =
                [=](Connection& c, MutableBytes in) {
                    here(c, "on_data");
                    return in.size();
                },
            .on_writable = [=](Connection& c) { here(c, "on_writable"); },
            .on_resume = [=](Connection& c) { here(c, "on_resume"); },
            .on_eof =
                [=](Connection& c) {
                    here(c, "on_eof");
                    c.close();
                },
            .on_deadline = [=](Connection& c) { here(c, "on_deadline"); },
            .on_close = ending.note()};
}

// Returns how a connection ends if its handler calls `deed` in the callback `name`. A second connection
// must survive.
std::error_code end_of(Reactor& reactor, const std::string& name, const Deed& deed) {
    ConnectionEnd ending;
    int made = 0;
    ListenOptions options;
    options.connection.close_timeout = 50ms;  // the client does not close first
    const Listening listening = listen_on(
        reactor,
        [&] {
            return make_protocol(++made == 1 ? handler_with(name, deed, ending)
                                             : Callbacks{.on_data = echo_back});
        },
        options);
    FarEnd client(listening.local);
    run_until(reactor, [&] { return made == 1; });
    FarEnd other(listening.local);
    client.send("data");
    if (name == "on_eof") REQUIRE(client.socket.shutdown_write());
    run_until(reactor, [&] {
        client.read();
        return ending.came;
    });
    other.send("alive");
    other.read_until(reactor, 5);
    CHECK(other.received == "alive");
    reactor.close(listening.id);
    return ending.reason;
}

}  // namespace

TEST_CASE("reactor: a handler that throws in any callback loses only its own connection") {
    for (const std::string& name : kCallbacks) {
        CAPTURE(name);
        std::string logged;
        Reactor reactor({.log = [&](LogLevel, std::string_view text) { logged = text; }});
        const auto reason = end_of(reactor, name, [](Connection& c) {
            c.write("dropped");
            throw std::runtime_error("oh");
        });
        CHECK(reason == make_error_code(errc::handler_failed));
        CHECK(collect_stats(reactor).handler_failures == 1);
        CHECK(logged.find(name + " threw: oh") != std::string::npos);
        CHECK(logged.find("connection from tcp://127.0.0.1:") == 0);
    }
}

TEST_CASE("reactor: close and abort, once and together, inside every callback") {
    const auto code = make_error_code(errc::malformed_message);
    const std::vector<std::pair<std::string, Deed>> deeds = {
        {"close", [=](Connection& c) { c.close(code); }},
        {"abort", [=](Connection& c) { c.abort(code); }},
        {"close, close", [=](Connection& c) { c.close(code), c.close(); }},
        {"close, abort", [=](Connection& c) { c.close(), c.abort(code); }},
        {"abort, close", [=](Connection& c) { c.abort(code), c.close(); }},
        {"everything after", [=](Connection& c) {
             c.abort(code);
             CHECK_FALSE(c.write("x"));
             CHECK_FALSE(c.write_shared(std::make_shared<std::vector<std::byte>>(10)));
             c.send_file({});
             c.shutdown_write();
             c.pause_reading();
             c.resume_reading();
             c.set_deadline(c.now());
             c.switch_to(make_protocol({}));
             CHECK(c.peer().port() != 0);
             CHECK(c.local().port() != 0);
         }}};
    for (const auto& deed : deeds) {
        for (const std::string& name : kCallbacks) {
            CAPTURE(deed.first);
            CAPTURE(name);
            Reactor reactor;
            CHECK(end_of(reactor, name, deed.second) == code);
        }
    }
}

TEST_CASE("reactor: every call in on_close is allowed, and does nothing") {
    Reactor reactor;
    Connection* self = nullptr;
    bool came = false;
    const Listening listening =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_open = [&](Connection& c) { self = &c; },
                                       .on_close =
                                           [&](std::error_code) {
                                               CHECK_FALSE(self->write("x"));
                                               self->close();
                                               self->abort(errc::stopping);
                                               self->pause_reading();
                                               self->resume_reading();
                                               self->shutdown_write();
                                               self->set_deadline(self->now());
                                               CHECK(self->peer().port() != 0);
                                               came = true;
                                           }};
                  }));
    FarEnd client(listening.local);
    run_until(reactor, [&] { return self != nullptr; });
    client.socket.close();
    run_until(reactor, [&] { return came && collect_stats(reactor).open == 0; });
    run_for(reactor, 5ms);
}

namespace {

// Two connections of one reactor whose handlers can call each other's connection.
struct Two {
    std::vector<ConnectionId> ids;
    std::string got;  // received by the second connection
    std::function<void(Connection& other)> deed = [](Connection&) {};
    Reactor reactor;
    Listening listening = listen_on(
        reactor, callbacks([this] {
            return Callbacks{
                .on_open = [this](Connection& c) { ids.push_back(c.id()); },
                .on_data = [this](Connection& c, MutableBytes in) { return data(c, in); }};
        }));
    FarEnd first{listening.local}, second{listening.local};

    Two() {
        run_until(reactor, [this] { return ids.size() == 2; });
    }
    std::size_t data(const Connection& c, MutableBytes in) {
        if (c.id() == ids[0]) {
            deed(*reactor.find(ids[1]));
        } else {
            got += as_text(in);
        }
        return in.size();
    }
};

}  // namespace

TEST_CASE("reactor: another connection's handler may write, close and abort") {
    Two two;
    SUBCASE("write") {
        two.deed = [](Connection& other) {
            CHECK(other.write("from "));
            CHECK(other.write("next door"));
        };
        two.first.send("x");
        two.second.read_until(two.reactor, 14);
        CHECK(two.second.received == "from next door");
    }
    SUBCASE("write, then close") {
        two.deed = [](Connection& other) {
            other.write(std::string(500'000, 'x'));
            other.close();
            CHECK_FALSE(other.write("late"));
        };
        two.first.send("x");
        two.second.read_to_end(two.reactor);
        CHECK(two.second.received.size() == 500'000);
        CHECK(two.second.eof);
    }
    SUBCASE("abort, with data on its way in the same turn") {
        two.deed = [](Connection& other) { other.abort(errc::stopping); };
        two.first.send("x");
        two.second.send("unheard");
        two.second.read_to_end(two.reactor);
        CHECK(two.second.error == std::errc::connection_reset);
    }
    SUBCASE("too much") {
        two.deed = [](Connection& other) {
            for (int i = 0; i < 400; ++i) other.write(std::string(100'000, 'x'));
        };
        two.first.send("x");
        run_until(two.reactor, [&] { return collect_stats(two.reactor).open == 1; });
        CHECK(collect_stats(two.reactor).queued_bytes == 0);
    }
    SUBCASE("pause and resume") {
        two.deed = [](Connection& other) { other.pause_reading(); };
        two.first.send("x");
        run_for(two.reactor, 5ms);
        two.second.send("waits");
        run_for(two.reactor, 5ms);
        CHECK(two.got.empty());
        two.deed = [](Connection& other) { other.resume_reading(); };
        two.first.send("x");
        run_until(two.reactor, [&] { return two.got == "waits"; });
    }
}

TEST_CASE("reactor: a write after the peer has gone returns false and never throws or signals") {
    Reactor reactor;
    int trues = 0, falses = 0;
    ConnectionEnd ending;
    ConnectionId id;
    const Listening listening =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_open = [&](Connection& c) { id = c.id(); },
                                       .on_eof = [](Connection&) {},  // continues to write
                                       .on_close = ending.note()};
                  }));
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
    client.socket.close();
    run_until(reactor, [&] {
        if (Connection* c = reactor.find(id)) ++(c->write("hello?") ? trues : falses);
        return ending.came;
    });
    CHECK(ending.reason.category() == std::system_category());
    CHECK(reactor.find(id) == nullptr);
}
