// Errors of `switchboard`: their messages and the exit status.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "server.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

// Expects one line on stderr with all of `parts`, nothing on stdout, and exit status 1.
void check_refused_with(const Finished& finished, const std::vector<std::string>& parts) {
    CAPTURE(finished.errors);
    CHECK(finished.status == 1);
    CHECK(finished.output == "");
    CHECK(finished.errors.starts_with("switchboard: "));
    CHECK(finished.errors.ends_with("\n"));
    CHECK(std::count(finished.errors.begin(), finished.errors.end(), '\n') == 1);
    for (const std::string& part : parts) {
        CAPTURE(part);
        CHECK(finished.errors.find(part) != std::string::npos);
    }
}

// Runs without special permissions: as root without its capabilities, or as the user who runs the test.
Finished unprivileged(std::vector<std::string> arguments) {
    std::vector<std::string> all = command(std::move(arguments));
    if (geteuid() == 0) {
        all.insert(all.begin(), {"setpriv", "--bounding-set", "-all", "--inh-caps", "-all"});
    }
    return support::run(std::move(all));
}

int first_unprivileged_port() {
    int port = 1024;
    std::ifstream("/proc/sys/net/ipv4/ip_unprivileged_port_start") >> port;
    return port;
}

}  // namespace

TEST_CASE("serve: a port in use is refused by every driver") {
    const Socket taken = listen(Endpoint::parse("127.0.0.1:0").value()).value();
    const std::string endpoint = taken.local()->to_string();
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        check_refused_with(
            programs::switchboard({"serve", "echo", "--listen", endpoint, "--driver", driver}),
            {"listen " + endpoint + ": address already in use"});
    }
}

TEST_CASE("serve: no permission") {
    char folder[] = "/tmp/switchboard-test-XXXXXX";
    REQUIRE(mkdtemp(folder) != nullptr);
    REQUIRE(chmod(folder, 0500) == 0);
    const std::string endpoint = std::string("unix:") + folder + "/socket";
    for (const std::string driver : {"reactor", "threads"}) {
        check_refused_with(
            unprivileged({"serve", "echo", "--listen", endpoint, "--driver", driver}),
            {"listen " + endpoint + ": permission denied"});
        if (first_unprivileged_port() > 80) {
            check_refused_with(
                unprivileged({"serve", "echo", "--listen", "127.0.0.1:80", "--driver", driver}),
                {"listen tcp://127.0.0.1:80: permission denied"});
        }
    }
    rmdir(folder);
}

TEST_CASE("serve: unknown names and invalid values are reported") {
    const auto serve = [](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "serve");
        return programs::switchboard(std::move(arguments));
    };
    check_refused_with(serve({"ecko"}), {"ecko", "unknown protocol", "echo"});
    check_refused_with(serve({"ecko", "--driver", "threads"}), {"ecko", "unknown protocol"});
    check_refused_with(serve({"echo", "--driver", "thread"}),
                       {"unknown driver 'thread'", "thread-pool"});
    check_refused_with(serve({"echo", "--listen", "127.0.0.1:99999"}), {"127.0.0.1:99999"});
    check_refused_with(serve({"echo", "--listen", "localhost"}), {"localhost"});
    check_refused_with(serve({"echo", "--listen", "tcp://no-such-host.invalid:1"}),
                       {"tcp://no-such-host.invalid:1"});
    check_refused_with(serve({"echo", "--limit", "max_conections=1"}), {"max_conections"});
    check_refused_with(serve({"echo", "--limit", "max_connections"}), {"max_connections"});
    check_refused_with(serve({"echo", "--limit", "max_connections=many"}),
                       {"max_connections", "many"});
    check_refused_with(serve({"echo", "--limit", "low_water=2M"}), {"low_water"});
    check_refused_with(serve({"echo", "--limit", "backlog=five"}), {"backlog", "five"});
    check_refused_with(serve({"echo", "--limit", "backlog="}), {"backlog"});
    check_refused_with(serve({"echo", "--option", "colour=red"}), {"colour"});
    check_refused_with(serve({"echo", "--option", "colour"}), {"colour"});
    check_refused_with(serve({"echo", "--mode", "0660"}), {"--mode", "tcp://127.0.0.1:0"});
    check_refused_with(serve({"echo", "--listen", "unix:@x", "--mode", "0660"}),
                       {"--mode", "unix:@x"});
    for (const char* mode : {"rw", "1777", "8", "0660 ", ""})
        check_refused_with(serve({"echo", "--listen", "unix:/nowhere/x", "--mode", mode}),
                           {"octal"});
    check_refused_with(serve({"echo", "--driver", "threads", "--reject-message", "bye"}),
                       {"--reject-message", "reactor"});
    check_refused_with(
        serve({"echo", "--listen", "udp://127.0.0.1:0", "--limit", "max_per_address=1"}),
        {"max_per_address", "connections"});
    check_refused_with(serve({"relay"}), {"switchboard: relay: option target"});
    check_refused_with(serve({"relay", "--option", "target=nowhere"}), {"nowhere"});
    for (const std::string target : {"udp://127.0.0.1:9", "fd:0"})
        check_refused_with(serve({"relay", "--option", "target=" + target}),
                           {target, "connects only to"});
}

TEST_CASE("switchboard: an unknown subcommand is reported") {
    CHECK(programs::switchboard({"swerve"}).errors.find("swerve") != std::string::npos);
}

TEST_CASE("serve: a protocol that opens connections itself is refused by blocking drivers") {
    for (const std::string& driver : kDrivers) {
        if (driver == "reactor") continue;
        CAPTURE(driver);
        check_refused_with(programs::switchboard({"serve", "relay", "--driver", driver, "--option",
                                                  "target=127.0.0.1:1"}),
                           {"relay", "needs the reactor"});
    }
}

TEST_CASE("serve: an unknown level in SWITCHBOARD_LOG is refused") {
    Process process(Process::Setup{.command = command({"serve", "echo"}),
                                   .environment = {"SWITCHBOARD_LOG=loud"}});
    check_refused_with(process.wait(), {"SWITCHBOARD_LOG=loud"});
}

TEST_CASE("switchboard: a command line that cannot be read exits 2") {
    const std::vector<std::vector<std::string>> lines = {
        {},
        {"frob"},
        {"serve"},
        {"exchange"},
        {"serve", "echo", "--frob"},
        {"serve", "echo", "--workers", "0"},
        {"serve", "echo", "--workers", "many"},
        {"serve", "echo", "--listen"},
        {"serve", "echo", "discard"},
        {"protocols", "all"},
        {"swerve", "echo"},
    };
    for (const auto& line : lines) {
        const Finished finished = programs::switchboard(line);
        CAPTURE(finished.errors);
        CHECK(finished.status == 2);
        CHECK(finished.output == "");
        CHECK(finished.errors != "");
    }
}
