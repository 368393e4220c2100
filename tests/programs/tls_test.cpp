// `switchboard serve --tls`: curl and openssl s_client are served under every driver, and what cannot work is
// refused by name.
#include <csignal>

#include "tls_files.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

std::vector<std::string> tls_server(const std::string& driver, const std::string& certificate,
                                    std::vector<std::string> more = {}) {
    std::vector<std::string> all = {"daytime", "--driver", driver, "--tls", certificate};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

bool is_daytime(const std::string& text) {
    return text.size() > 10 && text.ends_with("\r\n");
}

}  // namespace

TEST_CASE("tls: curl and openssl verify the server and are served, under every driver") {
    const TlsFolder folder;
    const std::string certificate = folder.server();
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server(tls_server(driver, certificate));
        const Finished told = curl_https(folder, server.port());
        CHECK(told.errors == "");
        CHECK(is_daytime(told.output));
        for (const char* const version : {"-tls1_2", "-tls1_3"}) {
            const Finished client =
                s_client(folder, server.port(), {version, "-quiet", "-verify_ip", "127.0.0.1"});
            CHECK(client.status == 0);
            CHECK(is_daytime(client.output));
        }
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("tls: the client's name chooses the certificate, or is refused") {
    const TlsFolder folder;
    const std::string first = folder.server();
    const std::vector<std::string> more = {"--tls", folder.issue("b", {.names = "DNS:b.example"})};
    const Server server(tls_server("reactor", first, more));
    CHECK(is_daytime(curl_https(folder, server.port()).output));
    CHECK(is_daytime(curl_https(folder, server.port(), {}, "b.example").output));
    CHECK(has_text(curl_https(folder, server.port(), {}, "c.example").errors, "c.example"));
    CHECK(is_daytime(curl_https(folder, server.port(), {"-k"}, "c.example").output));
    const Server strict(tls_server("reactor", first, {more[0], more[1], "--tls-strict-names"}));
    CHECK(is_daytime(curl_https(folder, strict.port(), {}, "b.example").output));
    CHECK(has_text(curl_https(folder, strict.port(), {"-k"}, "c.example").errors,
                   "unrecognized name"));
}

TEST_CASE("tls: with --tls-ca only clients with a certificate are served, under every driver") {
    const TlsFolder folder;
    const std::string certificate = folder.server();
    folder.issue("alice", {.subject = "alice"});
    const test::Authority other;
    const auto mallory = other.issue({.subject = "mallory"});
    folder.write("mallory.pem", mallory.chain_pem + mallory.key_pem);
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        const Server server(tls_server(driver, certificate, {"--tls-ca", folder.ca()}));
        CHECK(is_daytime(curl_https(folder, server.port(),
                                    {"--cert", folder / "alice.pem", "--key", folder / "alice.key"})
                             .output));
        CHECK(curl_https(folder, server.port()).output == "");
        CHECK(curl_https(folder, server.port(), {"--cert", folder / "mallory.pem"}).output == "");
    }
}

TEST_CASE("tls: a ticket of one thread, process or reactor resumes the session at another") {
    const TlsFolder folder;
    const std::string certificate = folder.server();
    const std::string session = folder / "session";
    const auto check = [&](const Server& server) {
        const Finished first = s_client(folder, server.port(), {"-sess_out", session});
        CHECK(has_text(first.output, "New, TLSv1.3"));
        for (int i = 0; i < 3; ++i)
            CHECK(has_text(s_client(folder, server.port(), {"-sess_in", session}).output,
                           "Reused, TLSv1.3"));
    };
    for (const std::string driver : {"processes", "process-pool", "threads"}) {
        CAPTURE(driver);
        check(Server(tls_server(driver, certificate)));
    }
    check(Server(tls_server("reactor", certificate, {"--reactors", "2"})));
}

TEST_CASE("tls: TLS is above the PROXY protocol and the throttle, and below a relay") {
    const TlsFolder folder;
    const Server plain({"daytime"});
    const Server server({"relay", "--option", "target=" + plain.endpoint(), "--tls",
                         folder.server(), "--proxy-protocol", "127.0.0.1", "--throttle-out", "1M"});
    CHECK(is_daytime(curl_https(folder, server.port(), {"--haproxy-protocol"}).output));
    CHECK(curl_https(folder, server.port()).output == "");
}

TEST_CASE("tls: SIGHUP replaces the certificates of a reactor, and wrong files change nothing") {
    const TlsFolder folder;
    const std::string certificate = folder.server();
    Server server(tls_server("reactor", certificate, {"--reactors", "2"}));
    const auto serves = [&](const std::string& name) {
        return is_daytime(curl_https(folder, server.port(), {}, name).output);
    };
    CHECK_FALSE(serves("new.example"));
    folder.issue("server", {.names = "DNS:new.example"});
    server.process().signal(SIGHUP);
    CHECK(has_text(server.process().read_error_line(), "the certificates were read again"));
    for (int i = 0; i < 4; ++i) CHECK(serves("new.example"));
    folder.write("server.key", "no key");
    server.process().signal(SIGHUP);
    const std::string line = server.process().read_error_line();
    CHECK(has_text(line, folder / "server.key"));
    CHECK(has_text(line, "the old certificates stay"));
    CHECK(serves("new.example"));
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("tls: a client that speaks plain HTTP is told so, and the server goes on") {
    const TlsFolder folder;
    const Server server(tls_server("threads", folder.server()));
    const Finished told =
        support::run({"curl", "-sS", "--max-time", "30", "--noproxy", "*", "-o", "-", "-w",
                      "%{http_code}", "http://127.0.0.1:" + server.port() + "/"});
    CHECK(told.output == "400");
    CHECK(is_daytime(curl_https(folder, server.port()).output));
}

TEST_CASE("tls: wrong files and options are refused by name") {
    const TlsFolder folder;
    const std::string good = folder.server();
    const std::string chain = folder / "server.pem", key = folder / "server.key";
    folder.issue("other", {});
    folder.write("empty.pem", "");
    const auto refused = [](std::vector<std::string> options, const std::string& why) {
        options.insert(options.begin(), "echo");
        check_refused(options, why);
    };
    const std::string none = folder / "none.pem", empty = folder / "empty.pem";
    refused({"--tls", none + "," + key},
            "--tls " + none + "," + key + ": read " + none + ": no such file or directory");
    refused({"--tls", chain + "," + none},
            "--tls " + chain + "," + none + ": read " + none + ": no such file or directory");
    refused({"--tls", chain + ","}, "--tls " + chain + ",: must be CERT,KEY");
    refused({"--tls", empty + "," + key},
            "TLS " + empty + "," + key + ": no certificate in the chain: bad option");
    refused({"--tls", chain}, "TLS " + chain + ": no private key: bad option");
    const std::string mixed = chain + "," + folder / "other.key";
    refused({"--tls", good, "--tls", mixed},
            "TLS " + mixed + ": private key: key values mismatch: bad option");
    refused({"--tls", good, "--tls-ca", none},
            "--tls-ca: read " + none + ": no such file or directory");
    refused({"--tls", good, "--tls-ca", key},
            "--tls-ca: read " + key + ": no certificate: bad option");
    refused({"--tls-ca", folder.ca()}, "--tls-ca requires --tls");
    refused({"--tls-strict-names"}, "--tls-strict-names requires --tls");
    refused({"--tls", good, "--listen", "udp://127.0.0.1:0"},
            "--tls applies to connections only, not to datagrams");
    refused({"--tls", good, "--limit", "max_read_buffer=16k"},
            "--tls requires --limit max_read_buffer=18437 or more, the size of a TLS record");
    CHECK(has_text(programs::switchboard({"serve", "--help"}).output, "--tls-ca PEM"));
}
