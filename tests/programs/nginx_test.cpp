// `switchboard serve` behind nginx.
#include "nginx.hpp"
#include "server.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

Finished curl_nginx(const test::Nginx& nginx, const std::string& target,
                    std::vector<std::string> more = {}) {
    std::vector<std::string> all = {"curl",       "-sS", "--noproxy", "*",
                                    "--max-time", "30",  "-w",        "[%{http_code}]"};
    all.insert(all.end(), more.begin(), more.end());
    all.push_back(nginx.url(target));
    Finished finished = support::run(all);
    CHECK(finished.errors == "");
    return finished;
}

void check_site(const test::Nginx& nginx, const std::string& page) {
    CHECK((curl_nginx(nginx, "/page.html").output == page + "[200]"));
    CHECK((curl_nginx(nginx, "/page.html", {"--compressed"}).output == page + "[200]"));
    CHECK(test::has(curl_nginx(nginx, "/page.html", {"--compressed", "-i"}).output,
                    "\r\nContent-Encoding: gzip\r\n"));
    CHECK(curl_nginx(nginx, "/page.html", {"--range", "10-19"}).output ==
          page.substr(10, 10) + "[206]");
    CHECK(curl_nginx(nginx, "/page.html", {"--range", "999999-"}).output == "[416]");
    CHECK(test::has(curl_nginx(nginx, "/page.html", {"--head"}).output,
                    "\r\nContent-Length: " + std::to_string(page.size()) + "\r\n"));
    CHECK(curl_nginx(nginx, "/none").output == "Not Found\n[404]");
    CHECK(test::has(curl_nginx(nginx, "/page.html", {"-d", "body"}).output, "[405]"));
}

}  // namespace

TEST_CASE(
    "nginx in front: files of serve http, whole, in part and compressed, under every driver") {
    if (!test::machine_has(test::kNginx)) return;
    const test::TempDir root;
    const std::string page = test::numbers(200'000);
    std::ofstream(root / "page.html") << page;
    REQUIRE(support::run({"gzip", "-k9", root / "page.html"}).status == 0);
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"http", "--driver", driver, "--option", "root=" + root.path()});
        test::Nginx nginx(test::kNginxPass, test::nginx_upstream(server.port()));
        check_site(nginx, page);
        CHECK(nginx.stop() == "");
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("nginx in front: 1,000 pages of serve hello over a few connections") {
    const std::string ab = "/usr/bin/ab";
    if (!test::machine_has(test::kNginx) || !test::machine_has(ab)) return;
    Server server({"hello", "--metrics", "127.0.0.1:0"});
    const std::string metrics = server.process().read_error_line();
    test::Nginx nginx(test::kNginxPass, test::nginx_upstream(server.port()));
    const Finished load = support::run({ab, "-q", "-k", "-n", "1000", "-c", "4", nginx.url()});
    CHECK_MESSAGE(test::has(load.output, "Complete requests:      1000\n"), load.errors);
    CHECK(test::has(load.output, "Failed requests:        0\n"));
    CHECK(test::has(load.output, "HTML transferred:       14000 bytes\n"));
    CHECK_FALSE(test::has(load.output, "Non-2xx"));
    const Finished told = support::run({"curl", "-sS", "--noproxy", "*", "--max-time", "30",
                                        "http" + metrics.substr(metrics.find("://")) + "/stats"});
    const std::string accepted = "\"accepted\":";
    const auto at = told.output.find(accepted);
    REQUIRE(at != std::string::npos);
    CHECK(std::stoi(told.output.substr(at + accepted.size())) <= 8 + 1);  // one is curl's
    CHECK(nginx.stop() == "");
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("nginx in front: a WebSocket of serve websocket") {
    if (!test::machine_has(test::kNginx)) return;
    for (const std::string driver : {"reactor", "threads", "processes"}) {
        CAPTURE(driver);
        Server server({"websocket", "--driver", driver});
        test::Nginx nginx(test::kNginxPass, test::nginx_upstream(server.port()));
        const Finished talked =
            support::run({"/usr/bin/python3", SWITCHBOARD_SOURCE "/tests/websocket/echo_client.py",
                          "ws://127.0.0.1:" + nginx.port() + "/", "none"});
        CHECK(talked.output == "done\n");
        CHECK(talked.errors == "");
        CHECK(nginx.stop() == "");
        CHECK(server.stop(SIGTERM).status == 0);
    }
}
