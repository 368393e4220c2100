// `switchboard serve --takeover`: restarts under load, which no client notices.
#include <doctest/doctest.h>

#include <csignal>
#include <memory>

#include "loopback.hpp"
#include "restart_load.hpp"
#include "server.hpp"
#include "system.hpp"

using namespace switchboard;
using namespace switchboard::programs;
using test::RestartLoad;
using test::TempDir;

namespace {

// The servers have the same command line, except for the number of reactors.
struct Restarts {
    std::string listen;
    std::vector<std::string> reactors;  // of the first server, and of each successor
};

std::unique_ptr<Server> serve(const Restarts& restarts, std::size_t index, const TempDir& folder) {
    // Clients that pause are not part of this test. On a busy machine a thread may pause for longer than
    // the default drain_idle_timeout.
    return std::make_unique<Server>(std::vector<std::string>{
        "echo", "--listen", restarts.listen, "--takeover", "unix:" + folder / "takeover",
        "--reactors", restarts.reactors[index], "--limit", "drain_idle_timeout=10s"});
}

constexpr std::size_t kEnough = 500;  // connections between two restarts

// Waits until `count` more connections have been opened, used and closed.
void wait_for_more(RestartLoad& load, std::size_t count) {
    const std::size_t before = load.connections();
    REQUIRE(support::eventually(
        [&] { return load.connections() >= before + count || !load.failures().empty(); }));
}

void restart_under_load(const Restarts& restarts, const TempDir& folder) {
    auto server = serve(restarts, 0, folder);
    const std::string at = server->endpoint();
    RestartLoad load(Endpoint::parse(at).value(), 16);
    wait_for_more(load, kEnough);
    for (std::size_t i = 1; i < restarts.reactors.size(); ++i) {
        auto next = serve(restarts, i, folder);
        CHECK(next->endpoint() == at);
        const Finished finished = server->process().wait();
        CHECK_MESSAGE(finished.status == 0, finished.errors);
        const std::string who = "process " + std::to_string(next->process().id());
        CHECK(finished.errors.find(who + " has taken over") != std::string::npos);
        server = std::move(next);
        wait_for_more(load, kEnough);  // no other server is left to serve them
    }
    load.end();
    for (const auto& [what, count] : load.failures()) FAIL_CHECK(what << ": " << count);
    MESSAGE(load.connections() << " connections, " << load.exchanges() << " exchanges");
    CHECK(server->stop(SIGTERM).status == 0);
}

}  // namespace

TEST_CASE("takeover: three restarts under load, none refused or reset and every byte right" *
          doctest::skip(!test::system_tells_peer())) {
    for (const std::string reactors : {"1", "2"}) {
        CAPTURE(reactors);
        const TempDir folder;
        restart_under_load({"tcp://127.0.0.1:0", std::vector<std::string>(4, reactors)}, folder);
    }
}

TEST_CASE("takeover: three restarts of a unix socket under load" *
          doctest::skip(!test::system_tells_peer())) {
    for (const std::string reactors : {"1", "2"}) {
        CAPTURE(reactors);
        const TempDir folder;
        restart_under_load({"unix:" + folder / "socket", std::vector<std::string>(4, reactors)},
                           folder);
    }
}

TEST_CASE("takeover: the new server may have fewer reactors than the old, or more" *
          doctest::skip(!test::system_tells_peer())) {
    const TempDir folder;
    restart_under_load({"tcp://127.0.0.1:0", {"3", "1", "2", "4"}}, folder);
}
