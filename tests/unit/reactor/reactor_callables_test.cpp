// Destructors of objects that users' callbacks own may call the reactor.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <switchboard/connection_pool.hpp>
#include <switchboard/embed.hpp>
#include <switchboard/live_handle.hpp>
#include <switchboard/offload.hpp>
#include <switchboard/reactor_datagram.hpp>
#include <switchboard/reactor_group.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/reconnect.hpp>
#include <switchboard/resolver.hpp>
#include <switchboard/signals.hpp>

#include "reactor_impl.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// When destroyed, calls every member of the reactor with a second object, which only counts.
struct Asker {
    Reactor& reactor;
    int& gone;
    bool asks = true;

    ~Asker() {
        ++gone;
        if (asks) ask(std::shared_ptr<Asker>(new Asker{reactor, gone, false}));
    }
    void ask(const std::shared_ptr<Asker>& next) const {
        const Endpoint at = endpoint("127.0.0.1:0");
        reactor.cancel(reactor.after(1h, [next] {}));
        reactor.after(1h, [next] {});
        reactor.every(1h, [next] {});
        reactor.post([next] {});
        cancel(reactor, offload(
                            reactor, [](auto) {}, [next](auto) {}));
        (void)reactor.listen(at, callbacks([next] { return Callbacks{}; }));
        (void)reactor.connect(at, make_protocol({.on_close = [next](auto) {}}));
        (void)on_signal(reactor, SIGUSR1, [next] {});
        resolve(reactor, "localhost", "1", [next](auto) {});
        reactor.drain(1h, [next](std::size_t) {});
        reactor.abort();
        stop_accepting(reactor);
        reactor.close(ListenerId{1});
        if (detail::access(reactor).loop.is_own()) reactor.stop();
        (void)reactor.find({0, 1});
        CHECK(reactor.now() > Clock::time_point());
        (void)collect_stats(reactor);
        (void)active_handles(reactor);
    }
};

using Owned = std::shared_ptr<Asker>;

template <class T>
ProtocolFactory factory_of(const std::shared_ptr<T>& owned) {
    return callbacks([owned] { return Callbacks{}; });
}

class OwningDatagrams final : public DatagramProtocol {
public:
    explicit OwningDatagrams(Owned owned) : owned_(std::move(owned)) {}
    void on_datagram(DatagramSocket&, Datagram&) override {}

private:
    Owned owned_;
};

void give_listener(Reactor& reactor, const Owned& owned) {
    ListenOptions how;
    how.on_accept_error = [owned](std::error_code) {};
    listen_on(reactor, factory_of(owned), how);
}

void give_connection(Reactor& reactor, const Owned& owned) {
    ConnectOptions how;
    how.on_connected = [owned](ConnectionId) {};
    how.on_ended = [owned](const Error&) {};
    REQUIRE(reactor.connect(listen_on(reactor, factory_of(owned)).local,
                            make_protocol({.on_close = [owned](auto) {}}), how));
}

struct Given {
    const char* name;
    std::function<void(Reactor&, const Owned&)> give;
};

const Given kGiven[] = {
    {"a listener's", give_listener},
    {"a connection's", give_connection},
    {"a timer's", [](Reactor& r, const Owned& o) { r.after(1h, [o] {}); }},
    {"every()'s", [](Reactor& r, const Owned& o) { r.every(1h, [o] {}); }},
    {"a post's", [](Reactor& r, const Owned& o) { r.post([o] {}); }},
    {"drain's", [](Reactor& r, const Owned& o) { r.drain(1h, [o](std::size_t) {}); }},
    {"a signal's", [](Reactor& r, const Owned& o) { REQUIRE(on_signal(r, SIGUSR1, [o] {})); }},
    {"an offload's",
     [](Reactor& r, const Owned& o) {
         offload(
             r, [](auto) {}, [o](auto) {});
     }},
    {"a look-up's", [](Reactor& r, const Owned& o) { resolve(r, "localhost", "1", [o](auto) {}); }},
    {"datagrams'",
     [](Reactor& r, const Owned& o) {
         REQUIRE(
             bind_datagram(r, endpoint("udp://127.0.0.1:0"), std::make_unique<OwningDatagrams>(o)));
     }},
};

}  // namespace

TEST_CASE("reactor callables: owned objects may call every member while the reactor is destroyed") {
    for (const Given& given : kGiven) {
        for (int turns = 0; turns < 3; ++turns) {
            CAPTURE(std::string(given.name));
            CAPTURE(turns);
            int gone = 0;
            {
                Reactor reactor;
                given.give(reactor, Owned(new Asker{reactor, gone}));
                for (int i = 0; i < turns; ++i) run_ready(reactor);
            }
            CHECK(gone == 2);
        }
    }
}

TEST_CASE("reactor callables: also on a host's loop, which closes its handles later") {
    for (const Given& given : kGiven) {
        CAPTURE(std::string(given.name));
        int gone = 0;
        uv_loop_t host;
        REQUIRE(uv_loop_init(&host) == 0);
        {
            Reactor reactor(&host);
            given.give(reactor, Owned(new Asker{reactor, gone}));
            uv_run(&host, UV_RUN_NOWAIT);
        }
        CHECK(gone == 2);
        uv_run(&host, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&host) == 0);
    }
}

TEST_CASE("reactor callables: a forked child destroys them as well") {
    for (const Given& given : kGiven) {
        CAPTURE(std::string(given.name));
        if (given.name == std::string("an offload's"))
            continue;  // the child does not have its threads
        int gone = 0;
        std::optional<Reactor> reactor(std::in_place);
        given.give(*reactor, Owned(new Asker{*reactor, gone}));
        if (given.name != std::string("a post's")) run_ready(*reactor);  // a post would run here
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            reactor.reset();
            ::_exit(gone);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 2);
    }
}

TEST_CASE("reactor callables: objects that the log sink owns may call the reactor") {
    int gone = 0;
    {
        auto owned = std::make_shared<Owned>();
        Reactor reactor({.log = [owned](LogLevel, std::string_view) {}});
        owned->reset(new Asker{reactor, gone});
        owned.reset();
    }
    CHECK(gone == 2);
}

TEST_CASE("reactor callables: a drain's `done` may start another drain when it is replaced") {
    int gone = 0, done = 0;
    Reactor reactor;  // destroyed first, with its callbacks
    reactor.after(1h, [] {});
    const Listening listening = listen_on(reactor, echo_factory());
    const FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    reactor.drain(1h, [&, owned = Owned(new Asker{reactor, gone})](std::size_t) { ++done; });
    reactor.drain(1h, [&](std::size_t) { ++done; });
    CHECK(gone == 1);  // the drain of the destroyed callback replaces this one and aborts
    run_until(reactor, [&] { return collect_stats(reactor).open == 0; });
    CHECK(done == 0);
}

namespace {

// When destroyed, calls the pool or the client.
struct Borrower {
    ConnectionPool*& pool;
    int& gone;
    ~Borrower() {
        ++gone;
        const Endpoint at = endpoint("127.0.0.1:1");
        CHECK(pool->counts(at).in_use == 0);
        pool->acquire(at, 1h, [](auto) {});
    }
};
struct Stopper {
    std::optional<ReconnectingClient>& client;
    int& gone;
    ~Stopper() {
        ++gone;
        client->stop();
        CHECK(client->connection() == ConnectionId{});
    }
};

}  // namespace

TEST_CASE("reactor callables: objects that a pool owns may call the pool") {
    int gone = 0;
    Reactor reactor;
    ConnectionPool* pool = nullptr;
    {
        std::shared_ptr<Borrower> owned(new Borrower{pool, gone});
        PoolOptions options;
        options.healthy = [owned](Connection&) { return true; };
        options.connect.on_ended = [owned](const Error&) {};
        ConnectionPool made(reactor, options);
        pool = &made;
        made.acquire(Listener().at, 1h, [owned](auto) {});
        options = {};
        owned.reset();
        // An attempt that still runs would keep the callables alive after the pool is destroyed.
        run_until(reactor, [&] { return active_handles(reactor).empty(); });
        run_ready(reactor);
    }
    run_until(reactor, [&] { return gone == 1; });
}

TEST_CASE("reactor callables: objects that a reconnecting client owns may call the client") {
    int gone = 0;
    Reactor reactor;
    std::optional<ReconnectingClient> client;
    {
        const std::shared_ptr<Stopper> owned(new Stopper{client, gone});
        ReconnectOptions options;
        options.on_retry = [owned](const Error&, auto) {};
        options.on_give_up = [owned](const Error&) {};
        options.connect.on_ended = [owned](const Error&) {};
        client.emplace(reactor, Listener().at, factory_of(owned), options);
    }
    run_for(reactor, 5ms);
    CHECK(gone == 0);
    client.reset();
    run_until(reactor, [&] { return gone == 1; });  // a running attempt ends with its socket
}

TEST_CASE("reactor callables: objects that a group owns may call the group") {
    struct Caller {
        ReactorGroup& group;
        int& gone;
        ~Caller() {
            ++gone;
            CHECK(group.size() == 3);
            group.stop();
            group.drain(1h, [](std::size_t) {});
            group.abort();
        }
    };
    int gone = 0;
    {
        ReactorGroup group(3);
        const std::shared_ptr<Caller> owned(new Caller{group, gone});
        REQUIRE(group.listen(endpoint("127.0.0.1:0"), factory_of(owned)));
        group.drain(1h, [owned](std::size_t) {});
    }
    CHECK(gone == 1);
}

// It must be destroyed in the turn that ends the connection, and not only at the next event.
TEST_CASE("reactor callables: objects in a connection's options are destroyed as soon as it ends") {
    Reactor reactor;
    const Listener silent;
    bool gone = false;
    ConnectOptions how;
    how.limits.idle_timeout = 20ms;
    std::shared_ptr<void> owned(&gone, [&](void*) {
        gone = true;
        reactor.stop();
    });
    how.on_ended = [owned = std::move(owned)](const Error&) {};
    REQUIRE(reactor.connect(silent.at, make_protocol({}), std::move(how)));
    bool late = false;
    reactor.after(10s, [&] {
        late = true;
        reactor.stop();
    });
    reactor.run();
    CHECK(gone);
    CHECK_FALSE(late);
}
