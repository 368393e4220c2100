// Metrics over HTTP: which requests are refused (in memory), and how requests are answered (over sockets).
#include <switchboard/metrics.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kNobodyAsks = [](const auto&) { FAIL("nobody may be asked for this"); };

// Returns the answer, which must be the same however the request is split.
std::string refused(const std::string& request) {
    const auto factory = make_metrics(kNobodyAsks);
    for (const std::string& each : testing::check_deliveries(factory, request)) FAIL_CHECK(each);
    const auto outcome = testing::deliver(factory, request);
    CHECK(outcome.closed);
    return outcome.output;
}

std::string status_of(const std::string& response) {
    return response.substr(0, response.find("\r\n"));
}
std::string body_of(const std::string& response) {
    return response.substr(response.find("\r\n\r\n") + 4);
}
bool has_line(const std::string& response, const std::string& line) {
    return response.find("\r\n" + line + "\r\n") != std::string::npos;
}

// A reactor that serves its own metrics, or those that `ask` returns.
struct Watched {
    Watched() : at(listen_on(reactor, make_metrics(reactor)).local) {}
    explicit Watched(AskStats ask) : at(listen_on(reactor, make_metrics(std::move(ask))).local) {}

    std::string get(const std::string& request) {
        FarEnd client(at);
        client.send(request);
        client.read_to_end(reactor);
        CHECK_FALSE(client.error);
        return client.received;
    }

    Reactor reactor;
    const Endpoint at;
};

}  // namespace

TEST_CASE("metrics: other paths, methods and versions are refused") {
    const auto not_found = refused("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    CHECK(status_of(not_found) == "HTTP/1.1 404 Not Found");
    CHECK(has_line(not_found, "Content-Length: " + std::to_string(body_of(not_found).size())));
    CHECK(has_line(not_found, "Connection: close"));
    CHECK(body_of(not_found) == "not found; available: /metrics and /stats\n");
    CHECK(body_of(refused("HEAD /metric HTTP/1.0\r\n\r\n")).empty());
    for (const std::string method : {"POST", "DELETE"}) {
        const auto response = refused(method + " /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
        CHECK(status_of(response) == "HTTP/1.1 405 Method Not Allowed");
        CHECK(has_line(response, "Allow: OPTIONS, GET, HEAD"));
    }
    CHECK(status_of(refused("GET /metrics HTTP/2.0\r\n\r\n")) ==
          "HTTP/1.1 505 HTTP Version Not Supported");
    for (const std::string request :
         {"GET /metrics", "GET", "GET  HTTP/1.1", " /metrics HTTP/1.1", "GET metrics HTTP/1.1",
          "GET /a b HTTP/1.1", "\x16\x03\x01\xff"}) {
        CAPTURE(request);
        CHECK(status_of(refused(request + "\r\n\r\n")) == "HTTP/1.1 400 Bad Request");
    }
}

TEST_CASE("metrics: a head is parsed strictly") {
    const auto passes = [](const std::string& request) {
        return status_of(refused(request)) == "HTTP/1.1 404 Not Found";
    };
    const std::string start = "GET / HTTP/1.1\r\nHost: here\r\n";
    CHECK(passes(start + "\r\n"));
    CHECK(passes(start + "X-1!~:\t\xc3\xa4 :\r\nEmpty:\r\n\r\n"));
    CHECK(passes("GET / HTTP/1.0\r\n\r\n"));
    for (const std::string& line :
         {std::string("folded: x\r\n y"), std::string("space : x"), std::string(": x"),
          std::string("none"), std::string("(: x"), std::string("X: a\nb"), std::string("X: a\rb"),
          std::string("X: ") + '\0', std::string("X: \x7f"), std::string("hOST: there")}) {
        CAPTURE(line);
        CHECK_FALSE(passes(start + line + "\r\n\r\n"));
    }
    CHECK_FALSE(passes("GET / HTTP/1.0\n\n"));
    CHECK_FALSE(passes("GET / HTTP/1.1\r\n\r\n"));
    CHECK_FALSE(passes("GET /\xe9 HTTP/1.0\r\n\r\n"));
    CHECK_FALSE(passes("G(T / HTTP/1.0\r\n\r\n"));
}

TEST_CASE("metrics: a request of more than 8 KiB is refused, and one of 8 KiB is not") {
    const auto request = [](std::size_t size) {
        const std::string start = "GET /nowhere HTTP/1.0\r\nX: ";
        return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
    };
    const auto factory = make_metrics(kNobodyAsks);
    const auto status = [&](const std::string& text) {
        return status_of(testing::deliver(factory, text).output);
    };
    CHECK(status(request(8 * 1024)) == "HTTP/1.1 404 Not Found");
    CHECK(status(request(8 * 1024 + 1)) == "HTTP/1.1 431 Request Header Fields Too Large");
    CHECK(status(std::string(9 * 1024, 'x')) == "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_CASE("metrics: random input breaks nothing") {
    const auto factory = make_metrics([](const auto&) {});
    for (const std::string& each : testing::check_robustness(factory, 200)) FAIL_CHECK(each);
}

TEST_CASE("metrics: a slow scraper has ten seconds for the whole request") {
    testing::MemoryDriver driver;
    testing::MemoryPeer& peer = driver.connect(make_metrics(kNobodyAsks));
    for (const char byte : std::string_view("GET / HTT")) {
        peer.send({&byte, 1});
        driver.advance(1100ms);
    }
    CHECK_FALSE(peer.closed());
    driver.advance(100ms);
    CHECK(peer.closed());
    CHECK(peer.close_reason() == std::errc::timed_out);
    CHECK(status_of(peer.received()) == "HTTP/1.1 408 Request Timeout");
}

TEST_CASE("metrics: what Prometheus scrapes, in either version of HTTP") {
    Watched watched;
    for (const std::string request :
         {"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n", "GET /metrics HTTP/1.0\r\n\r\n",
          "GET /metrics?name=open HTTP/1.0\r\n\r\n",
          "GET http://here:9100/metrics HTTP/1.1\r\nHost: here:9100\r\n\r\n"}) {
        const auto response = watched.get(request);
        CHECK(status_of(response) == "HTTP/1.1 200 OK");
        CHECK(has_line(response, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
        CHECK(has_line(response, "Content-Length: " + std::to_string(body_of(response).size())));
        CHECK(body_of(response).find("\nswitchboard_open 1\n") != std::string::npos);
    }
    CHECK(watched.get("GET /metrics HTTP/1.0\r\n\r\n").find("switchboard_accepted_total 5\n") !=
          std::string::npos);
}

TEST_CASE("metrics: JSON has an entry for each reactor") {
    Watched one;
    const auto response = one.get("GET /stats HTTP/1.1\r\nHost: here\r\n\r\n");
    CHECK(has_line(response, "Content-Type: application/json"));
    const auto json = nlohmann::json::parse(body_of(response));
    REQUIRE(json.at("reactors").size() == 1);
    CHECK(json.at("reactors").at(0).at("accepted") == 1);
    Watched three([](const auto& answer) { answer({{.accepted = 5}, {.accepted = 6}, {}}); });
    const auto all =
        nlohmann::json::parse(body_of(three.get("GET /stats? HTTP/1.1\r\nHost: here\r\n\r\n")));
    REQUIRE(all.at("reactors").size() == 3);
    CHECK(all.at("reactors").at(1).at("accepted") == 6);
    CHECK(three.get("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
              .find("switchboard_accepted_total{reactor=\"1\"} 6\n") != std::string::npos);
}

TEST_CASE("metrics: HEAD gets only the head") {
    Watched watched([](const auto& answer) { answer({{}}); });
    for (const std::string path : {"/metrics", "/stats"}) {
        const auto whole = watched.get("GET " + path + " HTTP/1.1\r\nHost: here\r\n\r\n");
        const auto head = watched.get("HEAD " + path + " HTTP/1.1\r\nHost: here\r\n\r\n");
        CHECK(head == whole.substr(0, whole.size() - body_of(whole).size()));
    }
}

TEST_CASE("metrics: a request may arrive byte by byte, and bytes after it get no reply") {
    Watched watched;
    FarEnd client(watched.at);
    for (const char byte : std::string_view("GET /stats HTTP/1.1\r\nHost: here\r\n\r\n")) {
        client.send({&byte, 1});
        const auto read = collect_stats(watched.reactor).bytes_in;
        run_until(watched.reactor, [&] { return collect_stats(watched.reactor).bytes_in > read; });
    }
    client.read_to_end(watched.reactor);
    CHECK(nlohmann::json::parse(body_of(client.received)).contains("reactors"));
    const auto response = watched.get(
        "GET /stats HTTP/1.1\r\nHost: here\r\n\r\nGET /metrics HTTP/1.1\r\nHost: here\r\n\r\n" +
        std::string(10'000, 'x'));
    CHECK(nlohmann::json::parse(body_of(response)).contains("reactors"));
}

TEST_CASE("metrics: a scraper that waits for figures may half-close, and does not count as idle") {
    std::function<void(std::vector<ReactorStats>)> answer;
    Watched watched([&](auto later) { answer = std::move(later); });
    FarEnd client(watched.at);
    client.send("GET /stats HTTP/1.1\r\nHost: here\r\n\r\n");
    REQUIRE(client.socket.shutdown_write());
    run_until(watched.reactor, [&] { return answer != nullptr; });
    bool drained = false;
    watched.reactor.drain(10s, [&](std::size_t aborted) { drained = aborted == 0; });
    run_for(watched.reactor, 2 * ConnectionLimits().drain_idle_timeout);
    client.read();
    CHECK_FALSE(client.over());
    CHECK_FALSE(drained);
    answer({{.accepted = 7}});
    client.read_to_end(watched.reactor);
    CHECK(nlohmann::json::parse(body_of(client.received)).at("reactors").at(0).at("accepted") == 7);
    run_until(watched.reactor, [&] { return drained; });
}

TEST_CASE("metrics: figures for a scraper that has gone are dropped") {
    std::function<void(std::vector<ReactorStats>)> answer;
    Watched watched([&](auto later) { answer = std::move(later); });
    FarEnd client(watched.at);
    client.send("GET /stats HTTP/1.1\r\nHost: here\r\n\r\n");
    run_until(watched.reactor, [&] { return answer != nullptr; });
    watched.reactor.abort();
    client.read_to_end(watched.reactor);
    answer({{}});
    CHECK(client.received.empty());
    CHECK(collect_stats(watched.reactor).bytes_out == 0);
}

TEST_CASE("metrics: a scraper whose question is dropped is told so") {
    const auto factory = make_metrics([](const auto&) {});
    const auto outcome = testing::deliver(factory, "GET /stats HTTP/1.0\r\n\r\n");
    CHECK(status_of(outcome.output) == "HTTP/1.1 500 Internal Server Error");
    CHECK(outcome.reason == errc::handler_failed);
}
