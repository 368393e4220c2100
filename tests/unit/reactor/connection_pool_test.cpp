#include <switchboard/connection_pool.hpp>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_stats.hpp>

#include <set>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using Lease = ConnectionPool::Lease;

namespace {

// An echo server, a pool, and the leases from it in the order of their arrival.
struct Bank {
    explicit Bank(PoolOptions options = {})
        : pool(std::make_unique<ConnectionPool>(reactor, options)) {}

    void acquire(std::chrono::milliseconds timeout = 0ms) {
        pool->acquire(listening.local, timeout, [this](Result<Lease> lease) {
            told.push_back(lease ? "lent" : lease.error().message());
            if (lease) leases.push_back(std::move(*lease));
        });
    }
    void wait_for(std::size_t answers) {
        run_until(reactor, [&] { return told.size() == answers; });
    }
    std::string counts() const {
        const auto c = pool->counts(listening.local);
        return std::to_string(c.in_use) + " lent, " + std::to_string(c.idle) + " idle, " +
               std::to_string(c.connecting) + " connecting, " + std::to_string(c.waiting) +
               " waiting";
    }
    void wait_until_counts(const std::string& expected) {
        for (const auto end = Clock::now() + 10s; counts() != expected && Clock::now() < end;)
            run_ready(reactor);
        CHECK(counts() == expected);
    }

    Reactor reactor;
    std::vector<ConnectionId> served;
    Listening listening = listen_on(
        reactor, callbacks([this] {
            return Callbacks{.on_open = [this](Connection& c) { served.push_back(c.id()); },
                             .on_data = echo_back,
                             .is_busy = [] { return true; }};
        }));
    std::unique_ptr<ConnectionPool> pool;
    std::vector<std::string> told;
    std::vector<Lease> leases;
};

}  // namespace

TEST_CASE("connection pool: lends a connection, and reuses it after its return") {
    Bank bank;
    bank.acquire();
    CHECK(bank.told.empty());
    bank.wait_for(1);
    REQUIRE(bank.leases.size() == 1);
    Lease lease = std::move(bank.leases[0]);
    const ConnectionId id = lease.id();
    std::string heard;
    ConnectionEnd ending;
    lease.connection()->switch_to(make_protocol({.on_open = [](Connection& c) { c.write("hi"); },
                                                 .on_data =
                                                     [&](Connection&, MutableBytes in) {
                                                         heard += as_text(in);
                                                         if (heard == "hi") lease.release();
                                                         return in.size();
                                                     },
                                                 .on_close = ending.note()}));
    bank.wait_until_counts("0 lent, 1 idle, 0 connecting, 0 waiting");
    CHECK(heard == "hi");
    CHECK(ending.reason == std::error_code());
    CHECK(lease.connection() == nullptr);
    bank.acquire();
    bank.wait_for(2);
    CHECK(bank.leases[1].id() == id);
    CHECK(collect_stats(bank.reactor).connected == 1);
}

TEST_CASE("connection pool: lends at most the maximum, each to one borrower, and in order") {
    Bank bank({.max_per_endpoint = 3});
    std::vector<int> order;
    std::set<std::pair<std::uint32_t, std::uint32_t>> out;
    std::size_t most = 0;
    for (int i = 0; i < 50; ++i) {
        bank.pool->acquire(bank.listening.local, 0ms, [&, i](Result<Lease> lease) {
            REQUIRE(lease);
            order.push_back(i);
            const ConnectionId id = lease->id();
            CHECK(out.emplace(id.slot, id.generation).second);  // no other borrower has it
            most = std::max(most, out.size());
            const auto mine = std::make_shared<Lease>(std::move(*lease));
            Connection& c = *mine->connection();
            c.switch_to(make_protocol({.on_open = [](Connection& peer) { peer.write("x"); },
                                       .on_data =
                                           [&out, mine, i](Connection& peer, MutableBytes in) {
                                               out.erase({peer.id().slot, peer.id().generation});
                                               i % 7 == 0 ? mine->discard() : mine->release();
                                               return in.size();
                                           }}));
        });
    }
    run_until(bank.reactor, [&] { return order.size() == 50 && out.empty(); });
    CHECK(most == 3);
    CHECK(std::is_sorted(order.begin(), order.end()));
    CHECK(collect_stats(bank.reactor).connected >= 8);
    CHECK(collect_stats(bank.reactor).connected <= 12);
}

TEST_CASE("connection pool: only a borrower that waits too long gets a time-out") {
    Bank bank({.max_per_endpoint = 1});
    bank.acquire();
    bank.wait_for(1);
    bank.acquire(20ms);
    bank.acquire();
    CHECK(bank.counts() == "1 lent, 0 idle, 0 connecting, 2 waiting");
    bank.wait_for(2);
    CHECK(bank.told[1] ==
          "acquire a connection to " + bank.listening.local.to_string() + ": connection timed out");
    bank.leases[0].release();
    bank.wait_for(3);
    CHECK(bank.told[2] == "lent");
}

TEST_CASE("connection pool: a connection with a closed peer or unexpected input is not lent") {
    Bank bank;
    for (const bool speaks : {false, true}) {
        CAPTURE(speaks);
        bank.acquire();
        bank.wait_for(bank.told.size() + 1);
        const ConnectionId id = bank.leases.back().id();
        bank.leases.back().release();
        bank.wait_until_counts("0 lent, 1 idle, 0 connecting, 0 waiting");
        Connection& server = *bank.reactor.find(bank.served.back());
        speaks ? (void)server.write("unasked") : server.close();
        bank.wait_until_counts("0 lent, 0 idle, 0 connecting, 0 waiting");
        bank.acquire();
        bank.wait_for(bank.told.size() + 1);
        CHECK(bank.leases.back().id() != id);
        bank.leases.back().discard();
        bank.wait_until_counts("0 lent, 0 idle, 0 connecting, 0 waiting");
    }
}

TEST_CASE("connection pool: an unhealthy connection is closed, and the next is tried") {
    bool sick = false;
    int asked = 0;
    Bank bank({.healthy = [&](Connection&) { return ++asked, !std::exchange(sick, false); }});
    bank.acquire();
    bank.acquire();
    bank.wait_for(2);
    for (Lease& lease : bank.leases) lease.release();
    bank.wait_until_counts("0 lent, 2 idle, 0 connecting, 0 waiting");
    const int before = asked;
    sick = true;
    bank.acquire();
    bank.wait_for(3);
    CHECK(asked == before + 2);
    bank.wait_until_counts("1 lent, 0 idle, 0 connecting, 0 waiting");
    CHECK(collect_stats(bank.reactor).connected == 2);
}

TEST_CASE("connection pool: a drain closes idle connections, and waits for lent ones") {
    Bank bank;
    bank.acquire();
    bank.acquire();
    bank.wait_for(2);
    bank.leases[0].release();
    bank.leases[1].connection()->switch_to(make_protocol({}));
    bank.wait_until_counts("1 lent, 1 idle, 0 connecting, 0 waiting");
    bool drained = false;
    bank.reactor.drain(10s, [&](std::size_t aborted) {
        drained = true;
        CHECK(aborted == 0);
    });
    bank.wait_until_counts("1 lent, 0 idle, 0 connecting, 0 waiting");
    REQUIRE(bank.leases[1].connection() != nullptr);
    CHECK_FALSE(drained);
    bank.leases[1].discard();
    run_until(bank.reactor, [&] { return drained; });
}

TEST_CASE(
    "connection pool: an idle connection is closed after idle_timeout, but not while it is lent") {
    Bank bank({.idle_timeout = 30ms});
    bank.acquire();
    bank.wait_for(1);
    run_for(bank.reactor, 60ms);
    REQUIRE(bank.leases[0].connection() != nullptr);
    bank.leases[0].release();
    bank.wait_until_counts("0 lent, 1 idle, 0 connecting, 0 waiting");
    bank.wait_until_counts("0 lent, 0 idle, 0 connecting, 0 waiting");
}

TEST_CASE(
    "connection pool: each failed connect fails one borrower, and a lost connection makes room") {
    Bank bank({.max_per_endpoint = 1});
    const Endpoint nobody = Listener().at;
    for (int i = 0; i < 2; ++i) {
        bank.pool->acquire(nobody, 0ms, [&](Result<Lease> lease) {
            bank.told.push_back(lease.error().message());
        });
    }
    bank.wait_for(2);
    CHECK(bank.told[1] == "connect " + nobody.to_string() + ": connection refused");
    bank.pool->acquire(endpoint("fd:0"), 0ms,
                       [&](Result<Lease> lease) { bank.told.push_back(lease.error().message()); });
    CHECK(bank.told.size() == 2);
    bank.wait_for(3);
    bank.acquire();
    bank.acquire();
    bank.wait_for(4);
    bank.reactor.find(bank.leases[0].id())->abort(errc::malformed_message);
    bank.wait_for(5);
    CHECK(bank.told[4] == "lent");
    CHECK(bank.leases[0].connection() == nullptr);
}

TEST_CASE(
    "connection pool: the destructor closes idle connections, and fails waiting borrowers, but not "
    "leases") {
    Bank bank({.max_per_endpoint = 2});
    bank.acquire();
    bank.acquire();
    bank.wait_for(2);
    bank.leases[1].release();
    bank.wait_until_counts("1 lent, 1 idle, 0 connecting, 0 waiting");
    bank.pool->acquire(Listener().at, 0ms, [&](Result<Lease> lease) {
        bank.told.push_back(lease.error().message());
        throw std::runtime_error("mine");
    });
    bank.pool.reset();
    REQUIRE(bank.told.size() == 3);
    CHECK(bank.told[2] == "acquire a connection: the server is stopping");
    REQUIRE(bank.leases[0].connection() != nullptr);
    bank.leases[0].release();
    run_until(bank.reactor, [&] { return collect_stats(bank.reactor).open == 0; });
}

TEST_CASE(
    "connection pool: a new acquire in the callback of a failed one waits for the next turn") {
    int came = 0;
    ConnectionPool::AcquireCallback again;  // outlives the pool, whose destructor calls it
    Bank bank;
    again = [&](Result<Lease> lease) {
        CHECK_FALSE(lease);
        if (++came < 1'000) bank.pool->acquire(endpoint("fd:0"), 0ms, again);
    };
    bank.pool->acquire(endpoint("fd:0"), 0ms, again);
    bank.pool->acquire(endpoint("fd:0"), 0ms, again);
    while (came == 0) run_ready(bank.reactor);
    CHECK(came == 2);
    run_until(bank.reactor, [&] { return came >= 4; });
    CHECK(came == 4);
}

TEST_CASE("connection pool: healthy may destroy the pool") {
    bool destroys = false;
    std::unique_ptr<ConnectionPool>* pool = nullptr;
    Bank bank({.healthy = [&](Connection&) {
        if (destroys) pool->reset();
        return true;
    }});
    pool = &bank.pool;
    bank.acquire();
    bank.wait_for(1);
    bank.leases[0].release();
    bank.wait_until_counts("0 lent, 1 idle, 0 connecting, 0 waiting");
    destroys = true;
    bank.acquire();
    bank.acquire();
    bank.wait_for(3);
    CHECK(bank.told[1] == "acquire a connection: the server is stopping");
    CHECK(bank.told[2] == bank.told[1]);
    run_until(bank.reactor, [&] { return collect_stats(bank.reactor).open == 0; });
}

TEST_CASE("connection pool: a connection that healthy closes is not lent, whatever it returns") {
    bool sick = false;
    Bank bank({.healthy = [&](Connection& c) {
        if (std::exchange(sick, false)) c.close();
        return true;
    }});
    bank.acquire();
    bank.wait_for(1);
    bank.leases[0].release();
    bank.wait_until_counts("0 lent, 1 idle, 0 connecting, 0 waiting");
    sick = true;
    bank.acquire();
    bank.wait_for(2);
    CHECK(bank.leases[1].id() != bank.leases[0].id());
    CHECK(collect_stats(bank.reactor).connected == 2);
}

TEST_CASE("connection pool: a connection that can no longer be written to is not lent") {
    Reactor reactor;
    const Listener listener;  // never answers
    PoolOptions options;
    SUBCASE("its lifetime is over, and it waits for the rest of what the peer says") {
        options.connect.limits.max_connection_age = 100ms;
    }
    SUBCASE("whoever had it before ended the output") {}
    ConnectionPool pool(reactor, options);
    std::vector<Lease> leases;
    const auto acquire = [&] {
        pool.acquire(listener.at, 0ms, [&](Result<Lease> lease) {
            REQUIRE(lease);
            leases.push_back(std::move(*lease));
        });
    };
    acquire();
    run_until(reactor, [&] { return leases.size() == 1; });
    const auto opened = Clock::now();
    const ConnectionId id = leases[0].id();
    const auto server = listener.socket.accept(Blocking::yes);
    REQUIRE(server);
    if (options.connect.limits.max_connection_age.count() == 0)
        leases[0].connection()->shutdown_write();
    leases[0].release();
    if (options.connect.limits.max_connection_age.count() > 0)
        run_until(reactor, [&] { return pool.counts(listener.at).idle == 1; });
    // All of this happens between two polls of the sockets.
    reactor.post([&] {
        while (Clock::now() < opened + options.connect.limits.max_connection_age + 1ms) {
        }
        if (options.connect.limits.max_connection_age.count() > 0)
            (void)server->send(as_bytes("x"));
        acquire();
    });
    run_until(reactor, [&] { return leases.size() == 2; });
    CHECK(leases[1].id() != id);
    CHECK(leases[1].connection() != nullptr);
    CHECK(pool.counts(listener.at).idle == 0);
}
