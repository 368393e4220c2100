// `switchboard exchange tls://HOST:PORT`: with the program's own server, and with openssl s_server.
#include "text.hpp"
#include "tls_files.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

std::string tls_url(const std::string& port, const std::string& host = "127.0.0.1") {
    return "tls://" + host + ":" + port;
}

Finished ask_tls(const TlsFolder& folder, const std::string& url,
                 std::vector<std::string> more = {}, const std::string& input = "hello\n") {
    more.insert(more.begin(), {"--tls-ca", folder.ca()});
    return ask(url, std::move(more), input);
}

// openssl s_server(1), which sends each line back in reverse.
class OpensslServer {
public:
    OpensslServer(const TlsFolder& folder, std::vector<std::string> more)
        : process_(made(folder, std::move(more))) {
        const std::string ready = "ACCEPT 127.0.0.1:";
        do line_ = process_.read_line();
        while (!line_.starts_with(ready));
        port_ = line_.substr(ready.size());
    }
    const std::string& port() const { return port_; }

private:
    static std::vector<std::string> made(const TlsFolder& folder, std::vector<std::string> more) {
        std::vector<std::string> all = {"openssl",
                                        "s_server",
                                        "-accept",
                                        "127.0.0.1:0",
                                        "-rev",
                                        "-cert",
                                        folder / "server.pem",
                                        "-key",
                                        folder / "server.key"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    Process process_;
    std::string line_, port_;
};

}  // namespace

TEST_CASE("tls exchange: an echo of any size, by name and by address, under every driver") {
    const TlsFolder folder;
    const std::string certificate = folder.server();
    const std::string much(1'000'000, 'm');
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        const Server server({"echo", "--driver", driver, "--tls", certificate});
        CHECK(ask_tls(folder, tls_url(server.port())).output == "hello\n");
        const Finished large = ask_tls(folder, tls_url(server.port(), "localhost"), {}, much);
        CHECK(large.errors == "");
        CHECK((large.output == much));
        CHECK(ask_tls(folder, tls_url(server.port()), {"--end", "line"}).output == "hello\n");
    }
}

TEST_CASE(
    "tls exchange: a server that cannot be verified, or is none, is refused with the reason") {
    const TlsFolder folder;
    const std::string certificate = folder.issue("server", {.names = "DNS:other.example"});
    const Server server({"echo", "--tls", certificate});
    const auto check = [](const Finished& finished, const std::string& why) {
        CHECK(finished.status == 1);
        CHECK(finished.output == "");
        CHECK_MESSAGE(has_text(finished.errors, why), finished.errors);
    };
    check(ask_tls(folder, tls_url(server.port())), "IP address mismatch");
    check(ask_tls(folder, tls_url(server.port(), "localhost")), "ostname mismatch");
    check(ask(tls_url(server.port()), {"--text", "x"}), "unable to get local issuer certificate");
    const Server plain({"echo"});
    check(ask_tls(folder, tls_url(plain.port()), {"--timeout", "5s"}), "tcp://127.0.0.1:");
    const Server silent({"discard"});
    check(ask_tls(folder, tls_url(silent.port()), {"--timeout", "50ms"}), "timed out");
    check(ask_tls(folder, server.endpoint()), "--tls-ca and --tls-cert require tls://HOST:PORT");
    check(ask(tls_url("1"), {"--tls-ca", folder / "none"}), "--tls-ca: read " + folder / "none");
    check(ask(tls_url("1"), {"--tls-cert", folder / "none"}), "--tls-cert " + folder / "none");
}

TEST_CASE("tls exchange: a page by https, from an authority of --tls-ca, with a certificate") {
    const TlsFolder folder;
    const Server server({"hello", "--tls", folder.server(), "--tls-ca", folder.ca()});
    const std::string url = "https://127.0.0.1:" + server.port() + "/";
    const std::string alice = folder.issue("alice", {.subject = "alice"});
    const Finished page = ask(url, {"--tls-ca", folder.ca(), "--tls-cert", alice}, "");
    CHECK(page.errors == "");
    CHECK(page.output == "Hello, world!\n");
    CHECK(ask(url, {"--tls-ca", folder.ca()}, "").status == 1);
    CHECK(test::has(ask(url, {"--tls-cert", alice}, "").errors, "verify failed"));
    CHECK(test::has(ask("http://127.0.0.1/", {"--tls-ca", folder.ca()}, "").errors, "require"));
}

TEST_CASE("tls exchange: a certificate is presented to a server that requires one") {
    const TlsFolder folder;
    const std::string certificate = folder.server();
    const std::string alice = folder.issue("alice", {.subject = "alice"});
    const Server server({"echo", "--tls", certificate, "--tls-ca", folder.ca()});
    CHECK(ask_tls(folder, tls_url(server.port()), {"--tls-cert", alice}).output == "hello\n");
    const Finished without = ask_tls(folder, tls_url(server.port()));
    CHECK(without.status == 1);
    CHECK_MESSAGE(has_text(without.errors, "certificate required"), without.errors);
}

TEST_CASE("tls exchange: openssl s_server answers in both versions, and asks for a certificate") {
    const TlsFolder folder;
    folder.server();
    const std::string alice = folder.issue("alice", {.subject = "alice"});
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        CAPTURE(version);
        const OpensslServer server(folder, {version});
        const Finished asked = ask_tls(folder, tls_url(server.port()), {"--end", "line"});
        CHECK(asked.errors == "");
        CHECK(asked.output == "olleh\n");
        const OpensslServer strict(
            folder, {version, "-Verify", "1", "-verify_return_error", "-CAfile", folder.ca()});
        CHECK(ask_tls(folder, tls_url(strict.port()), {"--end", "line", "--tls-cert", alice})
                  .output == "olleh\n");
        CHECK(ask_tls(folder, tls_url(strict.port()), {"--end", "line"}).status == 1);
    }
}
