// `switchboard serve` with several reactors, and how to observe it: metrics, SIGUSR1 and the log.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <switchboard/exchange.hpp>

#include "loopback.hpp"
#include "platform/platform.hpp"
#include "server.hpp"
#include "system.hpp"

using namespace switchboard;
using namespace switchboard::programs;
using test::TempDir;

namespace {

void check_refused_for(std::vector<std::string> arguments, const std::string& why) {
    arguments.insert(arguments.begin(), "serve");
    const Finished finished = programs::switchboard(std::move(arguments));
    CAPTURE(finished.errors);
    CHECK(finished.status == 1);
    CHECK(finished.output == "");
    CHECK(finished.errors.starts_with("switchboard: " + why));
    CHECK(std::count(finished.errors.begin(), finished.errors.end(), '\n') == 1);
}

// Returns the endpoint of the metrics, which the server announces first.
Endpoint metrics_of(Server& server) {
    const std::string line = server.process().read_error_line();
    const auto start = line.find("metrics at ");
    REQUIRE_MESSAGE(start != std::string::npos, line);
    return Endpoint::parse(line.substr(start + 11)).value();
}

std::string get(const Endpoint& at, const std::string& path) {
    const auto response = exchange(at, as_bytes("GET " + path + " HTTP/1.1\r\nHost: here\r\n\r\n"));
    REQUIRE_MESSAGE(response.has_value(), response.error().message());
    const std::string text(as_text(*response));
    REQUIRE(text.starts_with("HTTP/1.1 200 OK\r\n"));
    return text.substr(text.find("\r\n\r\n") + 4);
}

std::vector<std::uint64_t> accepted(const Endpoint& metrics) {
    std::vector<std::uint64_t> counts;
    const auto stats = nlohmann::json::parse(get(metrics, "/stats"));
    for (const auto& each : stats.at("reactors")) counts.push_back(each.at("accepted"));
    return counts;
}

// Returns the log of a server that has to log `path`.
std::string log_of(const std::string& level, const std::string& path) {
    Process process({.command = command({"serve", "echo", "--listen", "unix:" + path, "--limit",
                                         "max_connections=1"}),
                     .environment = {"SWITCHBOARD_LOG=" + level}});
    process.read_line();
    {
        const Socket served = connect(Endpoint::unix_path(path)).value();
        CHECK(round_trip(served, "hello") == "hello");
        CHECK(ended(connect(Endpoint::unix_path(path)).value()));
    }
    process.signal(SIGTERM);
    const Finished finished = process.wait();
    CHECK(finished.status == 0);
    return finished.errors;
}

}  // namespace

TEST_CASE("serve: with several reactors, on TCP and on a unix socket") {
    const TempDir folder;
    for (const std::string& listen : {std::string("127.0.0.1:0"), "unix:" + folder / "socket"}) {
        CAPTURE(listen);
        Server server(
            {"echo", "--reactors", "2", "--pin", "--listen", listen, "--metrics", "127.0.0.1:0"});
        const Endpoint metrics = metrics_of(server);
        std::vector<Socket> clients;
        for (int i = 0; i < 40; ++i) {
            clients.push_back(server.connect());
            CHECK(round_trip(clients.back(), "hello") == "hello");
        }
        const auto counts = accepted(metrics);
        REQUIRE(counts.size() == 2);
        CHECK(counts[0] > 1);
        CHECK(counts[1] > 0);
        CHECK(counts[0] + counts[1] == 41);  // including the request for the metrics
        clients.clear();
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("serve: services and options that several reactors do not support are refused") {
    check_refused_for(
        {"hub", "--reactors", "2"},
        "--reactors 2: 'hub' connects its clients to each other, which takes a single reactor");
    const std::string both =
        "--reactors, --pin and --takeover apply only to connections under the driver reactor\n";
    check_refused_for({"echo", "--reactors", "2", "--driver", "threads"}, both);
    check_refused_for({"echo", "--reactors", "2", "--listen", "udp://127.0.0.1:0"}, both);
    check_refused_for({"echo", "--takeover", "unix:@x", "--driver", "iterative"}, both);
    check_refused_for({"echo", "--takeover", "unix:@x", "--listen", "udp://127.0.0.1:0"}, both);
    for (const std::string count : {"0", "-1", "many"})
        CHECK(programs::switchboard({"serve", "echo", "--reactors", count}).status == 2);
}

TEST_CASE("serve: a protocol that opens connections uses the reactor of its client") {
    Server target({"echo"});
    Server relay({"relay", "--reactors", "2", "--option", "target=" + target.endpoint()});
    std::vector<Socket> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(relay.connect());
        CHECK(round_trip(clients.back(), "hello") == "hello");
    }
    clients.clear();
    CHECK(relay.stop(SIGTERM).status == 0);
}

TEST_CASE("serve: metrics are for connections and datagrams, and for the reactor alone") {
    check_refused_for({"echo", "--metrics", "127.0.0.1:0", "--driver", "threads"},
                      "--metrics requires the driver reactor\n");
    check_refused_for({"echo", "--metrics", "udp://127.0.0.1:0"},
                      "--metrics udp://127.0.0.1:0: must be tcp://HOST:PORT or unix:/PATH\n");
    check_refused_for({"echo", "--metrics", "nowhere"}, "");
    const test::Listener taken;
    check_refused_for({"echo", "--metrics", taken.at.to_string()},
                      "listen " + taken.at.to_string() + ": address already in use");
    Server server({"echo", "--listen", "udp://127.0.0.1:0", "--metrics", "127.0.0.1:0"});
    const Endpoint metrics = metrics_of(server);
    CHECK(exchange(Endpoint::parse(server.endpoint()).value(), as_bytes("hello")));
    CHECK(get(metrics, "/metrics").find("\nswitchboard_datagrams_in_total 1\n") !=
          std::string::npos);
}

TEST_CASE("serve: SIGUSR1 prints what is live, and serving goes on") {
    Server server({"echo", "--reactors", "2"});
    const Socket client = server.connect();
    CHECK(round_trip(client, "hello") == "hello");
    server.process().signal(SIGUSR1);
    const int listeners = platform::kReusePortSpreads ? 2 : 1;
    CHECK(server.process().read_error_line() == std::to_string(listeners + 1) + " live:");
    std::vector<std::string> lines;
    for (int i = 0; i < listeners + 1; ++i) lines.push_back(server.process().read_error_line());
    const auto count = [&](const std::string& text) {
        return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
            return line.find(text) != std::string::npos;
        });
    };
    // The order of the lines depends on the millisecond in which each object was made.
    CHECK(count("  reactor 0: listener " + server.endpoint() + ", made at ") == 1);
    CHECK(count("listener " + server.endpoint()) == listeners);
    CHECK(count("connection from " + client.local()->to_string() + " (open), made at ") == 1);
    CHECK(count(" s old") == listeners + 1);
    CHECK(round_trip(client, "again") == "again");
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("serve: the log consists of JSON lines, whatever the messages contain") {
    const TempDir folder;
    const std::string log = log_of("info,json", folder / "\"quoted\" \\ \xff\xfe \xc3\xa9");
    std::size_t lines = 0, found = 0;
    for (std::size_t at = 0; at < log.size(); at = log.find('\n', at) + 1, ++lines) {
        const std::string line = log.substr(at, log.find('\n', at) - at);
        CAPTURE(line);
        const auto json = nlohmann::json::parse(line, nullptr, false);
        REQUIRE(json.is_object());
        CHECK(json.at("time").get<std::string>().size() == 29);  // 2026-01-31T12:00:00.000+00:00
        const std::string level = json.at("level"), text = json.at("text");
        CHECK((level == "info" || level == "warning"));
        if (text.find("/\"quoted\" \\ \xef\xbf\xbd\xef\xbf\xbd \xc3\xa9: max_connections") !=
            std::string::npos)
            ++found;
    }
    CHECK(lines >= 2);
    CHECK(found == 1);
}

TEST_CASE("serve: a log level may be followed by json, and by nothing else") {
    const TempDir folder;
    CHECK(log_of("error,json", folder / "socket").empty());
    CHECK(log_of("off,json", folder / "socket").empty());
    CHECK(log_of("warning", folder / "socket").find(": max_connections\n") != std::string::npos);
    for (const std::string wrong :
         {"json", ",json", "loud,json", "info,xml", "info,json,json", ""}) {
        const Finished finished = Process({.command = command({"serve", "echo"}),
                                           .environment = {"SWITCHBOARD_LOG=" + wrong}})
                                      .wait();
        CHECK(finished.status == 1);
        CHECK(finished.errors.starts_with("switchboard: SWITCHBOARD_LOG=" + wrong +
                                          ": must be debug"));
    }
}

TEST_CASE("serve: a takeover with another command line is refused, and the old server goes on" *
          doctest::skip(!test::system_tells_peer())) {
    for (const std::string path : {"tcp://127.0.0.1:1", "udp://127.0.0.1:1", "fd:0"})
        check_refused_for({"echo", "--takeover", path},
                          "--takeover " + path + ": must be unix:/PATH or unix:@NAME\n");
    const TempDir folder;
    const std::string path = "unix:" + folder / "takeover";
    Server old({"echo", "--takeover", path});
    check_refused_for({"echo", "--takeover", path, "--listen", "tcp://127.0.0.1:1"},
                      "--takeover " + path +
                          ": the other server listens on tcp://127.0.0.1:0, not on "
                          "tcp://127.0.0.1:1");
    check_refused_for({"ecko", "--takeover", path}, "\"ecko\"");
    CHECK(round_trip(old.connect(), "hello") == "hello");
    CHECK(old.stop(SIGTERM).status == 0);
}

TEST_CASE("serve: a takeover may keep the metrics listener, drop it, or add one" *
          doctest::skip(!test::system_tells_peer())) {
    const TempDir folder;
    const std::vector<std::string> plain = {"echo", "--takeover", "unix:" + folder / "takeover"};
    auto with_metrics = plain;
    with_metrics.insert(with_metrics.end(), {"--metrics", "127.0.0.1:0"});
    Server first(with_metrics);
    const Endpoint at = metrics_of(first);
    Server second(with_metrics);
    CHECK(first.process().wait().status == 0);
    CHECK(metrics_of(second).to_string() == at.to_string());
    CHECK(accepted(at).size() == 1);
    Server third(plain);
    CHECK(second.process().wait().status == 0);
    CHECK(support::eventually(
        [&] {  // the third server closes its copy only after it has been told to go on
            const auto nobody = connect(at);
            return !nobody && nobody.error() == std::errc::connection_refused;
        }));
    Server fourth(with_metrics);
    CHECK(third.process().wait().status == 0);
    CHECK(accepted(metrics_of(fourth)).size() == 1);
    CHECK(round_trip(fourth.connect(), "hello") == "hello");
    CHECK(fourth.endpoint() == first.endpoint());
}

TEST_CASE("serve: a program at the takeover path that is not a takeover server is refused" *
          doctest::skip(!test::system_tells_peer())) {
    const TempDir folder;
    const test::Listener listener("unix:" + folder / "else");
    Process process(command({"serve", "echo", "--takeover", "unix:" + folder / "else"}));
    REQUIRE(listener.socket.accept()->send_all(as_bytes("220 ready\r\n")));
    const Finished finished = process.wait();
    CHECK(finished.status == 1);
    CHECK(finished.errors.starts_with("switchboard: take over from unix:" + folder / "else"));
}
