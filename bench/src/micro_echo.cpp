#include <benchmark/benchmark.h>
#include <algorithm>
#include <chrono>
#include <platform/process.hpp>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/socket.hpp>
#include <switchboard/testing/memory.hpp>
#include <vector>

#include "cpus.hpp"
#include "micro_parts.hpp"
#include "micro_servers.hpp"
#include "pattern.hpp"

namespace switchboard::bench {
namespace {

using namespace std::chrono_literals;

// The end of one connection that asks: one message out, and the same back.
class SocketAsker {
public:
    explicit SocketAsker(Socket socket) : socket_(std::move(socket)) {}
    Result<void> send(Bytes message) { return socket_.send_all(message); }
    Result<Bytes> receive(std::size_t size) {
        reply_.resize(size);
        for (std::size_t got = 0; got < size;) {
            const auto more = socket_.receive(MutableBytes(reply_).subspan(got));
            if (!more) return tl::unexpected(more.error());
            if (*more == 0) return fail(errc::incomplete_message, "the server closed");
            got += *more;
        }
        return Bytes(reply_);
    }

private:
    Socket socket_;
    std::vector<std::byte> reply_;
};

class MemoryAsker {
public:
    MemoryAsker(testing::MemoryDriver& driver, testing::MemoryPeer& peer)
        : driver_(&driver), peer_(&peer) {}
    Result<void> send(Bytes message) {
        peer_->send(as_text(message));
        return {};
    }
    // The driver runs for all of them at once.
    Result<Bytes> receive(std::size_t size) {
        if (peer_->received().size() < size) driver_->run();
        reply_ = peer_->take_received();
        return as_bytes(reply_);
    }

private:
    testing::MemoryDriver* driver_;
    testing::MemoryPeer* peer_;
    std::string reply_;
};

// All requests leave before the first reply is waited for.
template <class Asker>
Result<void> exchange_on_each(std::vector<Asker>& askers, const Pattern& pattern,
                              std::uint64_t position, std::size_t size) {
    for (std::size_t i = 0; i < askers.size(); ++i) {
        const auto sent = askers[i].send(pattern.at(Pattern::entry(i) + position, size));
        if (!sent) return sent;
    }
    for (std::size_t i = 0; i < askers.size(); ++i) {
        const auto reply = askers[i].receive(size);
        if (!reply) return tl::unexpected(reply.error());
        const bool right =
            reply->size() == size && pattern.matches(Pattern::entry(i) + position, *reply);
        if (!right) return fail(std::make_error_code(std::errc::bad_message), "the reply");
    }
    return {};
}

template <class Asker>
void measure(benchmark::State& state, std::vector<Asker> askers, std::size_t size) {
    const Pattern pattern(size);
    std::uint64_t position = 0;
    // Once before time counts: connections are accepted, their threads and processes made.
    auto done = exchange_on_each(askers, pattern, position, size);
    if (!done) return state.SkipWithError(done.error().message().c_str());
    for (auto _ : state) {
        position += size;
        done = exchange_on_each(askers, pattern, position, size);
        if (!done) return state.SkipWithError(done.error().message().c_str());
    }
    const auto exchanges = state.iterations() * static_cast<std::int64_t>(askers.size());
    state.SetItemsProcessed(exchanges);
    state.SetBytesProcessed(exchanges * static_cast<std::int64_t>(size));
}

struct Shape {
    explicit Shape(const benchmark::State& state)
        : connections(static_cast<std::size_t>(state.range(0))),
          size(static_cast<std::size_t>(state.range(1))) {}
    std::size_t connections, size;
};

void echo_in_memory(benchmark::State& state) {
    const Shape shape(state);
    testing::MemoryDriver driver;
    std::vector<MemoryAsker> askers;
    for (std::size_t i = 0; i < shape.connections; ++i)
        askers.emplace_back(driver, driver.connect(factory_of<Echo>()));
    measure(state, std::move(askers), shape.size);
}

// No port is left in TIME_WAIT, and nobody waits for ever.
Result<std::vector<SocketAsker>> connect_askers(const Endpoint& server, std::size_t count) {
    constexpr auto kPatience = 10s;
    std::vector<SocketAsker> askers;
    for (std::size_t i = 0; i < count; ++i) {
        auto socket = connect(server, kPatience);
        if (!socket) return tl::unexpected(socket.error());
        socket->reset_on_close();
        if (auto set = socket->set_timeouts(kPatience, kPatience); !set)
            return tl::unexpected(set.error());
        askers.emplace_back(std::move(*socket));
    }
    return askers;
}

// Keeps this thread on the `index`-th CPU it may use.
class Pinned {
public:
    explicit Pinned(std::size_t index) : before_(platform::pin_thread(index)) {}
    ~Pinned() { platform::unpin_thread(before_); }
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;

private:
    platform::Processors before_;
};

// Server and client have a CPU each, as in `compare`.
void echo_over_sockets(benchmark::State& state, const std::string& driver) {
    const Shape shape(state);
    const auto cpus = plan_cpus(Cpus::apart);
    if (!cpus) return state.SkipWithError(cpus.error().message().c_str());
    const auto server = start_echo_server(driver, shape.connections, cpus->server);
    if (!server) return state.SkipWithError(server.error().message().c_str());
    const Pinned pinned(1);
    auto askers = connect_askers((*server)->endpoint(), shape.connections);
    if (!askers) return state.SkipWithError(askers.error().message().c_str());
    measure(state, std::move(*askers), shape.size);
}

void over_shapes(benchmark::internal::Benchmark* benchmark, bool many) {
    benchmark->ArgNames({"connections", "size"})->UseRealTime();
    for (const std::int64_t connections : {1, 100}) {
        if (connections > 1 && !many) continue;
        benchmark->Args({connections, 64})->Args({connections, 16'384});
    }
}

}  // namespace

void register_echo() {
    over_shapes(benchmark::RegisterBenchmark("BM_Echo/driver:memory", echo_in_memory), true);
    for (const std::string& driver : socket_drivers()) {
        auto* benchmark = benchmark::RegisterBenchmark(("BM_Echo/driver:" + driver).c_str(),
                                                       echo_over_sockets, driver);
        // An iterative server serves the first, while the others wait.
        over_shapes(benchmark, driver != "iterative");
    }
}

}  // namespace switchboard::bench
