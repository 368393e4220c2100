// The listener of a blocking server, if other servers share it or if the server must give it up early.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <switchboard/callbacks.hpp>

#include "../contract/drivers.hpp"
#include "../contract/journal.hpp"
#include "loopback.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Answers "pid" with its own process id in ten digits, and echoes everything else.
std::size_t answer(Connection& c, MutableBytes in) {
    as_text(in) == "pid" ? c.write(std::to_string(10'000'000'000 + ::getpid()).substr(1))
                         : c.write(in);
    return in.size();
}

ProtocolFactory answering() {
    return callbacks([] { return Callbacks{.on_data = answer}; });
}

pid_t pid_of(Peer& peer) {
    peer.send("pid");
    return std::stoi(peer.receive(10));
}

// The server runs in a separate process. The test is its successor, and has the listener too.
void check_handed_over(BlockingDriver::Serve serve) {
    Listener listener;
    Socket successor(::dup(listener.socket.fd()));
    const Stop stop = Stop::create().value();
    const pid_t process = ::fork();
    REQUIRE(process >= 0);
    if (process == 0) {
        successor.close();
        ::_exit(serve(std::move(listener.socket), answering(), stop, {}) ? 0 : 1);
    }
    listener.socket.close();
    const auto old = connect_socket(listener.at);
    CHECK(old->round_trip("served") == "served");
    CHECK_FALSE(is_blocking(successor.fd()));
    stop.drain();
    const auto next = connect(listener.at, 8s);
    CHECK(next.has_value());
    CHECK(successor.accept().has_value());
    CHECK(old->round_trip("still") == "still");
    CHECK_FALSE(is_blocking(successor.fd()));  // another server on it relies on that
    old->reset();
    int status = -1;
    CHECK(::waitpid(process, &status, 0) == process);
    CHECK(status == 0);
}

}  // namespace

TEST_CASE("listener: another process that shares it goes on accepting (iterative)") {
    check_handed_over(serve_iterative);
}

TEST_CASE("listener: another process that shares it goes on accepting (threads)") {
    check_handed_over(serve_threads);
}

TEST_CASE("listener: another process that shares it goes on accepting (thread pool)") {
    check_handed_over(serve_thread_pool);
}

TEST_CASE("listener: another process that shares it goes on accepting (processes)") {
    check_handed_over(serve_processes);
}

TEST_CASE("listener: another process that shares it goes on accepting (process pool)") {
    check_handed_over(serve_process_pool);
}

TEST_CASE("listener: a worker that gets SIGTERM finishes its connection, and is replaced") {
    BlockingDriver driver(serve_process_pool, BlockingDriver::Host::process);
    driver.options.workers = 1;
    Journal log;
    driver.options.log = [&log](LogLevel, std::string_view line) { log.note(line); };
    driver.start(answering(), {});
    auto first = driver.connect();
    const pid_t told = pid_of(*first);
    REQUIRE(::kill(told, SIGTERM) == 0);
    for (int i = 0; i < 100; ++i) CHECK(first->round_trip("on") == "on");
    CHECK(pid_of(*first) == told);
    first->shutdown_write();
    CHECK(first->end() == Peer::End::eof);
    auto second = driver.connect();
    CHECK(pid_of(*second) != told);
    second->shutdown_write();
    CHECK(second->end() == Peer::End::eof);
    driver.drain();
    CHECK(log.next(0).value_or("no complaint") == "no complaint");
}

TEST_CASE("listener: a server with a socket that does not listen closes it, and returns an error") {
    for (const auto serve : {serve_iterative, serve_threads, serve_thread_pool, serve_processes}) {
        Pair pair;
        const Stop stop = Stop::create().value();
        (void)pair.client.send(as_bytes("x"));  // otherwise the server would wait for input
        const auto served = serve(std::move(pair.server), answering(), stop, {});
        REQUIRE_FALSE(served.has_value());
        CHECK(served.error() == std::errc::invalid_argument);
    }
}
