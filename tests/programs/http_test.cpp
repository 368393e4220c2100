// `switchboard serve http` and curl.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <filesystem>
#include <fstream>

#include "server.hpp"
#include "text.hpp"
#include "tls_files.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

// A folder with files to serve, and one for what curl writes.
struct Site {
    Site() {
        REQUIRE(mkdtemp(path.data()) != nullptr);
        std::filesystem::create_directories(path + "/root/sub");
        write("root/index.html", "<p>hello</p>\n");
        write("root/sub/index.html", "below\n");
        write("root/.hidden", "hidden\n");
        write("secret", "secret\n");
        std::ofstream big(path + "/root/big", std::ios::binary);
        const std::string part = test::numbers(1'000'000);
        for (int i = 0; i < 20; ++i) big << i << part.substr(std::to_string(i).size());
        big.close();
        write("root/page.html", test::numbers(3'000));
        REQUIRE(support::run({"gzip", "-k9", path + "/root/page.html"}).status == 0);
    }
    ~Site() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path + "/" + name, std::ios::binary) << text;
    }
    // Returns whether the file is the same as root/big.
    bool is_big(const std::string& name) const {
        return support::run({"cmp", path + "/" + name, path + "/root/big"}).status == 0;
    }

    std::string path = "/tmp/switchboard-http-XXXXXX";
};

// Runs curl and returns what it writes, then a line with the status.
std::string curl(const Server& server, const std::string& target,
                 std::vector<std::string> arguments = {}) {
    std::vector<std::string> all = {"curl",
                                    "--silent",
                                    "--show-error",
                                    "--max-time",
                                    "25",
                                    "-w",
                                    "[%{http_code}]\n",
                                    "--path-as-is",
                                    "--noproxy",
                                    "*",
                                    "http://127.0.0.1:" + server.port() + target};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Finished finished = support::run(all);
    CHECK(finished.errors == "");
    return finished.output;
}

void check_answers(const Server& server, const Site& site) {
    CHECK(curl(server, "/") == "<p>hello</p>\n[200]\n");
    CHECK(curl(server, "/sub", {"--location"}) == "below\n[200]\n");
    CHECK(curl(server, "/sub", {"-o", "/dev/null"}) == "[301]\n");
    CHECK(curl(server, "/index.html", {"--range", "3-7"}) == "hello[206]\n");
    CHECK(curl(server, "/index.html", {"--range", "99-"}) == "[416]\n");
    CHECK(curl(server, "/none") == "Not Found\n[404]\n");
    CHECK(test::has(curl(server, "/big", {"--head"}), "Content-Length: 20000000\r\n"));
    for (const std::string path : {"/../secret", "/sub/../../secret", "/%2e%2e/secret",
                                   "/..%2fsecret", "/.hidden", "/index.html%00"}) {
        CAPTURE(path);
        CHECK(curl(server, path) == "Not Found\n[404]\n");
    }
    const std::string copy = site.path + "/copy", etag = site.path + "/etag";
    CHECK(curl(server, "/big", {"-o", copy, "--etag-save", etag}) == "[200]\n");
    CHECK(site.is_big("copy"));
    CHECK(curl(server, "/big", {"--etag-compare", etag}) == "[304]\n");
    CHECK(curl(server, "/big", {"--time-cond", site.path + "/root/big"}) == "[304]\n");
    std::filesystem::resize_file(copy, 7'000'000);
    CHECK(curl(server, "/big", {"-o", copy, "--continue-at", "-"}) == "[206]\n");
    CHECK(site.is_big("copy"));
    CHECK(curl(server, "/page.html", {"--compressed"}) == test::numbers(3'000) + "[200]\n");
    CHECK(test::has(curl(server, "/page.html", {"--compressed", "-i"}),
                    "\r\nContent-Encoding: gzip\r\n"));
}

}  // namespace

TEST_CASE("serve http: curl gets files, parts of files, and nothing else, under every driver") {
    const Site site;
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"http", "--driver", driver, "--option", "root=" + site.path + "/root"});
        check_answers(server, site);
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("serve http: many files at a time, and several on one connection") {
    const Site site;
    for (const std::string driver : {"reactor", "threads", "processes"}) {
        CAPTURE(driver);
        Server server({"http", "--driver", driver, "--option", "root=" + site.path + "/root"});
        const std::string big = "http://127.0.0.1:" + server.port() + "/big";
        std::vector<std::string> command = {"curl",      "--silent", "--show-error", "--parallel",
                                            "--noproxy", "*",        "--max-time",   "25"};
        for (int i = 0; i < 4; ++i)
            command.insert(command.end(), {big, "-o", site.path + "/copy" + std::to_string(i)});
        CHECK(support::run(command).status == 0);  // it draws its progress on stderr
        for (int i = 0; i < 4; ++i) CHECK(site.is_big("copy" + std::to_string(i)));
        const std::string base = "http://127.0.0.1:" + server.port();
        const Finished kept =
            support::run({"curl", "--silent", "--noproxy", "*", "-w", "%{num_connects}", base + "/",
                          base + "/sub/", base + "/sub/index.html"});
        CHECK(kept.output == "<p>hello</p>\n1below\n0below\n0");
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("serve http: large files above TLS, under every driver") {
    const Site site;
    const TlsFolder folder;
    const std::string certificate = folder.issue("server", {.names = "IP:127.0.0.1"});
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"http", "--driver", driver, "--tls", certificate, "--option",
                       "root=" + site.path + "/root"});
        const std::string copy = site.path + "/copy";
        const auto get = [&](std::vector<std::string> arguments) {
            std::vector<std::string> all = {"curl",
                                            "--silent",
                                            "--show-error",
                                            "--max-time",
                                            "25",
                                            "--noproxy",
                                            "*",
                                            "--cacert",
                                            folder.ca(),
                                            "-w",
                                            "%{http_code}",
                                            "-o",
                                            copy,
                                            "https://127.0.0.1:" + server.port() + "/big"};
            all.insert(all.end(), arguments.begin(), arguments.end());
            return support::run(all).output;
        };
        CHECK(get({}) == "200");
        CHECK(site.is_big("copy"));
        std::filesystem::resize_file(copy, 7'000'000);
        CHECK(get({"--continue-at", "-"}) == "206");
        CHECK(site.is_big("copy"));
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("serve http: the directory is required and must exist") {
    check_refused({"http"}, "http: option root=DIR is missing: bad option");
    check_refused(
        {"http", "--option", "root=/none/such"},
        "http: option root: directory \"/none/such\": No such file or directory: bad option");
    check_refused({"http", "--option", "rot=/"},
                  "http: option rot: no such option; available: root: bad option");
}
