// Every call at any time. Whatever handlers do, callbacks keep their order, each connection ends once,
// everything is freed and nothing hangs. SWITCHBOARD_SEED=n runs only the seed n.
#include <cstdlib>
#include <exception>
#include <switchboard/embed.hpp>
#include <switchboard/live_handle.hpp>
#include <switchboard/offload.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/testing/memory.hpp>

#include "descriptors.hpp"
#include "random_calls.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kSeeds = 1'000;
constexpr std::size_t kMostTurns = 100'000;  // per step; more means that it hangs

// Runs `once` with each seed. It returns what went wrong, or "".
void with_each_seed(const std::function<std::string(std::uint64_t)>& once) {
    const char* const given = std::getenv("SWITCHBOARD_SEED");
    const std::uint64_t first = given ? std::strtoull(given, nullptr, 10) : 1;
    const std::uint64_t last = given ? first : kSeeds;
    std::size_t failed = 0;
    for (std::uint64_t seed = first; seed <= last && failed < 10; ++seed) {
        std::string wrong;
        try {
            wrong = once(seed);
        } catch (const std::exception& e) {
            wrong = e.what();
        }
        if (wrong.empty()) continue;
        ++failed;
        MESSAGE("SWITCHBOARD_SEED=" << seed << ": " << wrong);
    }
    CHECK(failed == 0);
}

std::string verdict(const Mischief& all) {
    if (!all.wrong().empty()) return all.wrong();
    return all.alive() > 0 ? std::to_string(all.alive()) + " handlers were not destroyed" : "";
}

// ---- in memory

class InMemory {
public:
    InMemory(Mischief& all, std::uint64_t seed) : all_(all), driver_(weather(seed)) {
        all_.find = [this](ConnectionId id) { return driver_.find(id); };
    }

    void run() {
        connect();
        for (std::size_t steps = 20 + all_.below(60); steps > 0; --steps) {
            step();
            driver_.run(kMostTurns);
        }
        all_.calls_left = 0;
        for (testing::MemoryPeer* peer : peers_) {
            if (Connection* const c = peer->connection()) c->abort(errc::stopping);
        }
        for (const ConnectionId id : all_.open()) {  // those of join() have no peer
            if (Connection* const c = driver_.find(id)) c->abort(errc::stopping);
        }
        driver_.run(kMostTurns);
        if (driver_.open() > 0) throw std::runtime_error("aborted connections are still open");
    }

private:
    testing::NetworkFaults weather(std::uint64_t seed) {
        return {.seed = seed,
                .short_reads = all_.one_in(2),
                .short_writes = all_.one_in(2),
                .reorder = all_.one_in(2),
                .reset_chance = all_.one_in(8) ? 0.01 : 0.0};
    }
    void connect() {
        if (all_.one_in(4)) return driver_.join(all_.make(true), all_.make(true), all_.limits());
        peers_.push_back(&driver_.connect(all_.make(true), all_.limits()));
        peers_.back()->set_window(all_.below(100'000));
    }
    void step() {
        if (peers_.empty() || all_.one_in(8)) return connect();
        testing::MemoryPeer& peer = *peers_[all_.below(peers_.size())];
        switch (all_.below(12)) {
            case 0: return driver_.advance(std::chrono::milliseconds(all_.below(60)));
            case 1: return all_.outside("a call from outside", [&] { all_.act(nullptr); });
            case 2: return peer.set_window(all_.below(300'000));
            case 3: return all_.one_in(3) ? peer.shutdown_write() : void(peer.take_received());
            case 4: return all_.one_in(6) ? peer.reset() : void(peer.take_received());
            case 5: return all_.one_in(10) ? driver_.drain() : void(driver_.turn());
            default: peer.send(all_.text(all_.one_in(8) ? 150'000 : 300));
        }
    }

    Mischief& all_;
    testing::MemoryDriver driver_;
    std::vector<testing::MemoryPeer*> peers_;
};

}  // namespace

TEST_CASE("random calls: in memory, every promise holds") {
    with_each_seed([](std::uint64_t seed) {
        Mischief all(seed);
        InMemory(all, seed).run();
        return verdict(all);
    });
}

namespace {

// ---- on sockets

class OnSockets {
public:
    explicit OnSockets(Mischief& all) : all_(all) {
        all_.find = [this](ConnectionId id) { return reactor_.find(id); };
        all_.call_driver = [this] { call(); };
    }

    void run() {
        listen();
        connect();
        for (std::size_t steps = 20 + all_.below(60); steps > 0; --steps) {
            step();
            run_ready(reactor_);
        }
        all_.calls_left = 0;
        far_ends_.clear();
        reactor_.drain(0ms, {});
        for (std::size_t turns = 0; all_.alive() > 0; ++turns) {
            if (turns == kMostTurns) throw std::runtime_error("a drain without time does not end");
            run_ready(reactor_);
        }
    }

private:
    // A callback that also makes calls.
    Reactor::Callback acting(const char* name) {
        return [this, name] { all_.outside(name, [this] { all_.act(nullptr); }); };
    }
    template <class T>
    T any(const std::vector<T>& of) {
        return of.empty() ? T() : of[all_.below(of.size())];
    }
    Endpoint target() {
        const bool none = listeners_.empty() || all_.one_in(8);
        // port 1 refuses connects
        return none ? Endpoint::tcp("127.0.0.1", 1) : any(listeners_).local;
    }

    void listen() {
        if (listeners_.size() >= 4) return;
        ListenOptions options;
        options.connection = all_.limits();
        const auto factory = [this]() -> std::unique_ptr<Protocol> {
            return all_.one_in(10) ? nullptr : all_.make(false);
        };
        auto made = reactor_.listen(Endpoint::tcp("127.0.0.1", 0), factory, options);
        if (made) listeners_.push_back(*made);
    }
    void connect() {
        ConnectOptions options;
        options.limits = all_.limits();
        options.on_connected = [act = acting("on_connected")](ConnectionId) { act(); };
        options.on_ended = [act = acting("on_ended")](const Error&) { act(); };
        (void)reactor_.connect(target(), all_.make(true), options);
    }

    // One action of the far end of a connection, which the test plays.
    void step() {
        if (far_ends_.empty() || all_.one_in(6)) {
            auto socket = switchboard::connect(target(), 5s);
            if (socket) far_ends_.emplace_back(std::move(*socket));
            return;
        }
        const std::size_t which = all_.below(far_ends_.size());
        FarEnd& far = far_ends_[which];
        switch (all_.below(8)) {
            case 0:
            case 1: return far.read(all_.below(100'000));
            case 2: return void(far.socket.shutdown_write());
            case 3:
                if (all_.one_in(2)) far.socket.reset_on_close();
                far_ends_.erase(far_ends_.begin() + static_cast<std::ptrdiff_t>(which));
                return;
            case 4: return all_.outside("a call from outside", [&] { all_.act(nullptr); });
            default: far.send(all_.text(all_.one_in(8) ? 150'000 : 300));
        }
    }

    // Makes one call to the reactor. It never calls on_signal(), which affects the process, or run() from
    // within run().
    void call() {
        switch (all_.below(12)) {
            case 0: return connect();
            case 1: return call_listener();
            case 2: return offload();
            case 3: return ask();
            case 4: return end();
            case 5: return reactor_.post(acting("a post"));
            case 6: return reactor_.cancel(any(timers_));
            case 7:
                timers_.push_back(reactor_.every(
                    1ms + std::chrono::milliseconds(all_.below(3)), acting("a periodic timer"),
                    all_.one_in(2) ? Rate::fixed_rate : Rate::fixed_delay));
                return;
            default:
                timers_.push_back(
                    reactor_.after(std::chrono::milliseconds(all_.below(3)), acting("a timer")));
        }
    }
    void call_listener() {
        const ListenerId id = any(listeners_).id;
        switch (all_.below(6)) {
            case 0: return listen();
            case 1: return reactor_.close(id);
            case 2: return pause_accepting(reactor_, id);
            case 3: return void(share(reactor_, id));
            default: return resume_accepting(reactor_, id);
        }
    }
    void offload() {
        if (all_.one_in(2)) return cancel(reactor_, any(offloads_));
        offloads_.push_back(switchboard::offload(
            reactor_, [](const CancelToken&) {},
            [act = acting("an offload's completion")](std::error_code) { act(); }));
    }
    void ask() {
        (void)collect_stats(reactor_);
        (void)active_handles(reactor_);
        (void)next_timeout(reactor_);
        if (poll_fd(reactor_) < 0) throw std::runtime_error("a reactor without a descriptor");
        (void)reactor_.now();
    }
    void end() {
        switch (all_.below(24)) {
            case 0: return reactor_.abort();
            case 1: return stop_accepting(reactor_);
            case 2:
                return reactor_.drain(
                    std::chrono::milliseconds(all_.below(30)),
                    [act = acting("a drain's completion")](std::size_t) { act(); });
            default: return reactor_.stop();
        }
    }

    Mischief& all_;
    Reactor reactor_;
    std::vector<Listening> listeners_;  // some of them are closed
    std::vector<TimerId> timers_;
    std::vector<OffloadId> offloads_;
    std::vector<FarEnd> far_ends_;
};

}  // namespace

TEST_CASE("random calls: on the reactor, every promise holds, and no descriptor is left") {
    { const Reactor first; }  // libuv keeps a few descriptors after its first loop
    with_each_seed([](std::uint64_t seed) {
        Mischief all(seed);
        const std::size_t before = count_descriptors();
        OnSockets(all).run();
        const std::string wrong = verdict(all);
        return wrong.empty() && count_descriptors() > before ? "a descriptor is left open" : wrong;
    });
}
