#include <netinet/in.h>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_stats.hpp>

#include <cstring>
#include <vector>

#include "connection/connecting.hpp"
#include "reactor_impl.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

SocketAddress address(const Endpoint& at) {
    return at.addresses().value().front();
}

// Returns an endpoint that was bound and closed, where nothing listens any more.
Endpoint nobody() {
    return Listener().at;
}

// A listener with a full backlog, so that the system drops further connects.
struct Unanswering {
    Listener listener{"127.0.0.1:0", [] {
                          SocketOptions options;
                          options.backlog = 0;
                          return options;
                      }()};
    std::vector<Socket> fill;
    Unanswering() {
        for (int i = 0; i < 4; ++i) {
            auto socket = start_connect(address(listener.at));
            REQUIRE(socket);
            fill.push_back(std::move(*socket));
        }
    }
};

// The parts of a reactor, for connects to several addresses. On test machines names rarely have more than
// one.
struct Bare {
    Bare() : impl(std::make_unique<detail::ReactorImpl>(nullptr, ReactorOptions{})) {}
    ~Bare() {
        impl->close_all();
        detail::ReactorImpl::destroy(std::move(impl));
    }
    void connect(const std::vector<SocketAddress>& addresses, ConnectOptions options = {}) {
        options.on_ended = [this](const Error& error) { told = error.message(); };
        const Endpoint name = endpoint("name:1");
        auto& group = impl->loop.make_group(name, std::move(options), SourceLocation::current());
        auto& made = impl->loop.make_connection(group, make_protocol(std::move(handler)));
        impl->loop.release(group);
        made.connect(name);
        made.connecting().add(addresses, false);
    }
    std::unique_ptr<detail::ReactorImpl> impl;
    ConnectionEnd ending;
    std::string told;
    int opened = 0;
    Callbacks handler{.on_open = [this](Connection& c) { ++opened, c.close(); },
                      .on_close = ending.note()};
};

}  // namespace

TEST_CASE("reactor: connects, and both ends talk") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    std::string heard;
    ConnectionEnd ending;
    ConnectionId named;
    const auto id =
        reactor.connect(listening.local, make_protocol({.on_open =
                                                            [&](Connection& c) {
                                                                named = c.id();
                                                                c.write("ping");
                                                            },
                                                        .on_data =
                                                            [&](Connection& c, MutableBytes in) {
                                                                heard += as_text(in);
                                                                if (heard == "ping") c.close();
                                                                return in.size();
                                                            },
                                                        .on_close = ending.note()}));
    REQUIRE(id);
    CHECK(reactor.find(*id) == nullptr);  // not open yet
    CHECK(collect_stats(reactor).open == 1);
    run_until(reactor, [&] { return ending.came; });
    CHECK(named == *id);
    CHECK(heard == "ping");
    CHECK(ending.reason == std::error_code());
    CHECK(collect_stats(reactor).connected == 1);
    CHECK(collect_stats(reactor).connect_errors == 0);
}

TEST_CASE("reactor: a refused connect calls only on_close, and not from within the call") {
    Reactor reactor;
    ConnectionEnd ending;
    bool opened = false;
    const auto id = reactor.connect(
        nobody(),
        make_protocol({.on_open = [&](Connection&) { opened = true; }, .on_close = ending.note()}));
    REQUIRE(id);
    CHECK_FALSE(ending.came);
    reactor.run();
    CHECK(ending.came);
    CHECK_FALSE(opened);
    CHECK(ending.reason == std::errc::connection_refused);
    CHECK(collect_stats(reactor).connect_errors == 1);
    CHECK(collect_stats(reactor).open == 0);
}

TEST_CASE("reactor: a connect to a missing unix path fails") {
    Reactor reactor;
    ConnectionEnd ending;
    REQUIRE(reactor.connect(endpoint("unix:/tmp/switchboard-no-such-socket"),
                            make_protocol({.on_close = ending.note()})));
    CHECK_FALSE(ending.came);
    reactor.run();
    CHECK(ending.reason == std::errc::no_such_file_or_directory);
}

TEST_CASE("reactor: a unix listener whose queue is full is connected to once it has room") {
    const TempDir dir;
    const FullListener full("unix:" + (dir / "socket"));
    Reactor reactor;
    bool opened = false;
    ConnectionEnd ending;
    REQUIRE(reactor.connect(full.listener.at, make_protocol({.on_open =
                                                                 [&](Connection& c) {
                                                                     opened = true;
                                                                     c.close();
                                                                 },
                                                             .on_close = ending.note()})));
    run_for(reactor, 30ms);
    CHECK_FALSE(ending.came);
    CHECK(full.listener.socket.accept().has_value());
    run_until(reactor, [&] { return ending.came; });
    CHECK(opened);
    CHECK(ending.reason == std::error_code());
}

TEST_CASE("reactor: a unix listener whose queue stays full costs connect_timeout, and no CPU") {
    const TempDir dir;
    const FullListener full("unix:" + (dir / "socket"));
    Reactor reactor;
    ConnectOptions options;
    options.limits.connect_timeout = 200ms;
    std::string told;
    options.on_ended = [&](const Error& error) { told = error.message(); };
    const auto began = Clock::now();
    REQUIRE(reactor.connect(full.listener.at, make_protocol({}), options));
    int turns = 0;
    while (told.empty() && turns < 1'000) {
        uv_run(detail::access(reactor).loop.uv(), UV_RUN_ONCE);
        ++turns;
    }
    CHECK(Clock::now() - began >= 200ms);
    CHECK(turns < 30);
    CHECK(told == "connect " + full.listener.at.to_string() + ": connect timed out");
}

TEST_CASE("reactor: connects by name, and an unknown name ends the connect") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    bool opened = false;
    REQUIRE(reactor.connect(Endpoint::tcp("localhost", listening.local.port()),
                            make_protocol({.on_open = [&](Connection& c) {
                                opened = true;
                                c.close();
                            }})));
    ConnectionEnd unknown;
    REQUIRE(reactor.connect(endpoint("no-such-host.invalid:1"),
                            make_protocol({.on_close = unknown.note()})));
    run_until(reactor, [&] { return opened && unknown.came; });
    CHECK(unknown.reason.category() == resolver_category());
}

TEST_CASE("reactor: connects from an address of this machine, and reports other addresses") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    std::string came_from, told;
    const auto connect = [&](const char* from) {
        ConnectOptions options;
        options.from = endpoint(from);
        options.on_ended = [&](const Error& error) { told = error.message(); };
        auto handler = make_protocol({.on_open = [&](Connection& c) {
            came_from = c.local().host();
            c.close();
        }});
        return reactor.connect(listening.local, std::move(handler), options);
    };
    REQUIRE(connect("127.0.0.9:0"));
    run_until(reactor, [&] { return !told.empty(); });
    CHECK(came_from == "127.0.0.9");
    told.clear();
    REQUIRE(connect("192.0.2.1:0"));
    run_until(reactor, [&] { return !told.empty(); });
    CHECK(told == "connect " + listening.local.to_string() +
                      " from tcp://192.0.2.1:0: cannot assign requested address");
    CHECK(connect("udp://127.0.0.1:0").error() == errc::bad_option);
}

TEST_CASE("reactor: a connect without an answer times out") {
    const Unanswering far;
    Reactor reactor;
    ConnectionEnd ending;
    ConnectOptions options;
    options.limits.connect_timeout = 60ms;
    const auto began = Clock::now();
    REQUIRE(reactor.connect(far.listener.at, make_protocol({.on_close = ending.note()}), options));
    reactor.run();
    CHECK(ending.reason == make_error_code(errc::connect_timed_out));
    CHECK(Clock::now() - began >= 60ms);
    CHECK(collect_stats(reactor).connect_errors == 1);
}

TEST_CASE("reactor: connect_timeout counts from the call, however long ago the last turn was") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    run_ready(reactor);
    for (const auto busy = Clock::now() + 80ms; Clock::now() < busy;) {
    }
    ConnectionEnd ending;
    bool opened = false;
    ConnectOptions options;
    options.limits.connect_timeout = 60ms;
    REQUIRE(reactor.connect(listening.local,
                            make_protocol({.on_open =
                                               [&](Connection& c) {
                                                   opened = true;
                                                   c.close();
                                               },
                                           .on_close = ending.note()}),
                            options));
    run_until(reactor, [&] { return ending.came; });
    CHECK(opened);
    CHECK(ending.reason == std::error_code());
}

// Both time-outs have expired when the loop checks them: that of the connect, and the delay until the next
// address is tried.
TEST_CASE("reactor: a connect that ends while the loop is held up is in time") {
    const Listener listening;
    const Endpoint refusing = nobody();
    ConnectOptions options;
    options.limits.connect_timeout = 60ms;
    options.attempt_delay = 10ms;
    Bare bare;
    const auto hold_up = [] {
        for (const auto busy = Clock::now() + 80ms; Clock::now() < busy;) {
        }
    };
    const auto connect = [&](const std::vector<SocketAddress>& addresses) {
        bare.impl->timers.start(
            1ms, {},
            [&, addresses] {
                bare.connect(addresses, options);
                hold_up();
            },
            {}, SourceLocation::current());
        bare.impl->run();
    };
    SUBCASE("it is connected") {
        connect({address(listening.at)});
        CHECK(bare.opened == 1);
    }
    SUBCASE("the next address is not tried") {
        connect({address(listening.at), address(refusing)});
        CHECK(bare.opened == 1);
    }
    SUBCASE("it is refused") {
        connect({address(refusing)});
        CHECK(bare.told.find("connection refused") != std::string::npos);
    }
}

TEST_CASE("reactor: a connect to an unsupported endpoint or with invalid options fails at once") {
    Reactor reactor;
    const auto no_socket = reactor.connect(endpoint("fd:0"), make_protocol({}));
    REQUIRE_FALSE(no_socket);
    CHECK(no_socket.error() == errc::unsupported);
    ConnectOptions options;
    options.limits.max_write_buffer = 1;
    const auto bad = reactor.connect(endpoint("127.0.0.1:1"), make_protocol({}), options);
    REQUIRE_FALSE(bad);
    CHECK(bad.error() == errc::bad_option);
    CHECK(collect_stats(reactor).open == 0);
    reactor.run();
}

TEST_CASE("reactor: the first of several addresses that answers is used, without an error") {
    const Listener there;
    Bare reactor;
    reactor.connect({address(nobody()), address(nobody()), address(there.at)});
    reactor.impl->run();
    CHECK(reactor.opened == 1);
    CHECK(reactor.ending.came);
    CHECK(reactor.ending.reason == std::error_code());
}

TEST_CASE("reactor: if none of several addresses answers, the last one's error counts") {
    Bare reactor;
    reactor.connect({address(nobody()), address(nobody()), address(nobody())});
    reactor.impl->run();
    CHECK(reactor.opened == 0);
    CHECK(reactor.ending.reason == std::errc::connection_refused);
    CHECK(reactor.told ==
          "connect tcp://name:1: 127.0.0.1: connection refused; 127.0.0.1: connection refused; "
          "127.0.0.1: connection refused");
}

TEST_CASE("reactor: an address that does not answer delays the next by only attempt_delay") {
    const Unanswering far;
    const Listener there;
    Bare reactor;
    const auto began = Clock::now();
    reactor.connect({address(far.listener.at), address(there.at)}, {.attempt_delay = 60ms});
    reactor.impl->run();
    CHECK(Clock::now() - began >= 60ms);
    CHECK(Clock::now() - began < 200ms);
    CHECK(reactor.opened == 1);
    CHECK(reactor.ending.reason == std::error_code());
}

TEST_CASE("reactor: the attempts of a connect go on while the next ones start") {
    Unanswering slow;
    REQUIRE(slow.listener.socket.set_blocking(Blocking::no));
    const Unanswering far;
    Bare reactor;
    reactor.connect({address(slow.listener.at), address(far.listener.at)}, {.attempt_delay = 10ms});
    const auto until = Clock::now() + 100ms;
    while (Clock::now() < until) uv_run(reactor.impl->loop.uv(), UV_RUN_NOWAIT);
    CHECK_FALSE(reactor.ending.came);
    std::vector<Socket> taken;  // now there is room, and the system retries after a second
    while (reactor.opened == 0 && Clock::now() < until + 5s) {
        auto socket = slow.listener.socket.accept();
        if (socket) taken.push_back(std::move(*socket));
        uv_run(reactor.impl->loop.uv(), UV_RUN_NOWAIT);
    }
    reactor.impl->run();
    CHECK(reactor.opened == 1);
    CHECK(reactor.ending.reason == std::error_code());
}

TEST_CASE("reactor: a connect that times out names the addresses that did not answer") {
    const Unanswering far;
    Bare reactor;
    ConnectOptions options;
    options.attempt_delay = 10ms;
    options.limits.connect_timeout = 60ms;
    reactor.connect({address(far.listener.at), address(nobody())}, options);
    reactor.impl->run();
    CHECK(reactor.ending.reason == make_error_code(errc::connect_timed_out));
    CHECK(reactor.told ==
          "connect tcp://name:1: 127.0.0.1: connection refused; 127.0.0.1: connect timed out");
}

TEST_CASE("reactor: the callbacks of a connect report its opening and its end") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    std::string told;
    ConnectionId named;
    ConnectOptions options;
    options.on_connected = [&](ConnectionId id) { named = id, told += "connected; "; };
    options.on_ended = [&](const Error& error) { told += "ended: " + error.message(); };
    const auto id = reactor.connect(
        listening.local,
        make_protocol(
            {.on_open = [&](Connection& c) { told += "open; ", c.close(errc::malformed_message); },
             .on_close = [&](std::error_code) { told += "close; "; }}),
        options);
    run_until(reactor, [&] { return collect_stats(reactor).open == 0; });
    CHECK(named == *id);
    CHECK(told ==
          "connected; open; close; ended: " + listening.local.to_string() + ": malformed message");
    options.attempt_delay = 9ms;
    CHECK(reactor.connect(listening.local, make_protocol({}), options).error() == errc::bad_option);
}

TEST_CASE("reactor: if it is destroyed between two addresses, the connect ends once") {
    const Listener there;
    for (int turns = 0; turns < 6; ++turns) {
        CAPTURE(turns);
        ConnectionEnd ending;
        {
            Bare reactor;
            reactor.handler.on_close = ending.note();
            reactor.connect({address(nobody()), address(nobody()), address(there.at)});
            for (int i = 0; i < turns; ++i) uv_run(reactor.impl->loop.uv(), UV_RUN_NOWAIT);
        }
        CHECK(ending.came);
    }
}

TEST_CASE("reactor: if it is destroyed during a look-up, the connect ends with errc::stopping") {
    ConnectionEnd ending;
    {
        Reactor reactor;
        REQUIRE(
            reactor.connect(endpoint("localhost:1"), make_protocol({.on_close = ending.note()})));
    }
    CHECK(ending.reason == make_error_code(errc::stopping));
}

TEST_CASE("reactor: a client may abort in the middle of a long read") {
    Reactor reactor;
    const Listening listening = listen_on(
        reactor, callbacks([] {
            return Callbacks{.on_open = [](Connection& c) { c.write(std::string(900'000, 'x')); }};
        }));
    ConnectionEnd ending;
    std::size_t most = 0;
    REQUIRE(reactor.connect(
        listening.local,
        make_protocol(
            {.on_open = [](Connection& c) { c.pause_reading(), c.set_deadline(c.now() + 50ms); },
             .on_data =
                 [&](Connection& c, MutableBytes in) {
                     most = std::max(most, in.size());
                     c.abort(errc::malformed_message);
                     return in.size();
                 },
             .on_deadline = [](Connection& c) { c.resume_reading(); },
             .on_close = ending.note()})));
    run_until(reactor, [&] { return ending.came; });
    CHECK(most == 64 * 1024);
    CHECK(ending.reason == make_error_code(errc::malformed_message));
}
