// Transcripts over real sockets, under every driver.
#include <doctest/doctest.h>

#include <csignal>
#include <switchboard/callbacks.hpp>
#include <switchboard/embed.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/testing/check_sockets.hpp>

#include "key_value.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using testing::check_sockets;
using testing::SocketServer;
using testing::Transcript;

namespace {

// A reactor that drains when `stop` does.
Result<void> serve_on_reactor(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                              const ConnectionLimits& limits) {
    Reactor reactor;
    const auto at = Endpoint::parse("fd:" + std::to_string(listener.release()));
    if (const auto listening = reactor.listen(*at, factory, {.connection = limits}); !listening)
        return tl::unexpected(listening.error());
    while (!stop.draining()) run_ready(reactor);
    reactor.drain(10s, {});
    reactor.run();
    return {};
}

std::vector<SocketServer> every_driver() {
    std::vector<SocketServer> all = testing::blocking_servers();
    all.push_back({"reactor", serve_on_reactor});
    return all;
}

std::vector<Transcript> with_ends() {
    std::vector<Transcript> all = test::key_value_transcripts();
    all.push_back(Transcript("reset").send("put a b\n").expect("ok\n").reset());
    all.push_back(Transcript("drained").send("put a b\n").expect("ok\n").shutdown().closes());
    return all;
}

ProtocolFactory answering(std::function<std::size_t(Connection&, MutableBytes)> on_data) {
    return callbacks([on_data] { return Callbacks{.on_data = on_data}; });
}

}  // namespace

TEST_CASE("check_sockets: a good protocol passes under every driver") {
    const testing::Report report =
        check_sockets(factory_of<test::KeyValue>(), with_ends(), every_driver());
    INFO(report);
    CHECK(report.findings.empty());
    CHECK(report.runs == 2 * 6 * (with_ends().size() - 1));  // not the one that waits
}

TEST_CASE("check_sockets: a finding names the driver, and is found again alone") {
    const std::vector<Transcript> one{Transcript("x").send("ab").expect("abc")};
    const auto short_by_one = answering([](Connection& c, MutableBytes in) {
        c.write(in);
        c.close();
        return in.size();
    });
    const testing::Report report = check_sockets(short_by_one, one, every_driver(), {.seed = 3});
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].to_string() ==
          "x: iterative: reply differs at 2: expected \"c\", got \"\" (seed 3)");
    const testing::Report again =
        check_sockets(short_by_one, one, every_driver(), {.seed = 3, .only = "x: reactor"});
    CHECK(again.runs == 1);
    CHECK(again.findings.at(0).delivery == "reactor");
}

TEST_CASE("check_sockets: a server whose end the system does not keep is a finding") {
    const auto before = std::signal(SIGCHLD, SIG_IGN);
    const auto report = check_sockets(factory_of<test::KeyValue>(),
                                      {Transcript("x").send("put a b\n").expect("ok\n")},
                                      {testing::blocking_servers()[0]});
    std::signal(SIGCHLD, before);
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].problem == "how the server ended is unknown: SIGCHLD is ignored");
}

TEST_CASE("check_sockets: a server that crashes, or is none, is a finding") {
    const auto crashing = answering([](Connection&, MutableBytes) -> std::size_t {
        std::signal(SIGTERM, SIG_DFL);
        ::raise(SIGTERM);
        return 0;
    });
    const auto problem = [&](const ProtocolFactory& factory, SocketServer server, Transcript talk) {
        const auto report = check_sockets(factory, {std::move(talk)}, {std::move(server)});
        return report.findings.empty() ? "" : report.findings[0].problem;
    };
    const Transcript lost = Transcript("x").send("x").closes(std::errc::connection_reset);
    CHECK(problem(crashing, testing::blocking_servers()[0], lost) ==
          "the server was ended by signal 15");
    const SocketServer none{"none",
                            [](Socket, const auto&, const auto&, const auto&) -> Result<void> {
                                return fail(errc::unsupported, "serve");
                            }};
    CHECK(problem(crashing, none, Transcript("x").closes(std::errc::connection_reset)) ==
          "the server ended with status 1");
}
