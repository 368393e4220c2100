// `switchboard exchange` and the commands that only print.
#include <doctest/doctest.h>

#include <csignal>

#include "server.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {}  // namespace

TEST_CASE("exchange: the request is --text, or all of stdin") {
    const Server server({"echo"});
    CHECK(ask(server.endpoint(), {"--text", "hello"}).output == "hello");
    CHECK(ask(server.endpoint(), {"--text", ""}, "not this").output == "");
    const std::string bytes("\0\r\n\xff", 4);
    CHECK(ask(server.endpoint(), {}, bytes).output == bytes);
    const std::string much(3'000'000, 'm');
    CHECK(ask(server.endpoint(), {}, much).output == much);
}

TEST_CASE("exchange: a reply ends by shutdown, line, length or prefix") {
    const Server echo({"echo"});
    const Server chargen({"chargen"});
    const Finished line = ask(chargen.endpoint(), {"--text", "", "--end", "line"});
    CHECK(line.status == 0);
    CHECK(line.output.size() == 74);
    CHECK(line.output.ends_with("\r\n"));
    CHECK(ask(chargen.endpoint(), {"--text", "", "--end", "length:10"}).output ==
          line.output.substr(0, 10));
    const std::string framed = std::string("\0\0\0\3abc", 7);
    CHECK(ask(echo.endpoint(), {"--end", "prefix:4be"}, framed + "x").output == framed);
    const std::string little("\1\0a", 3);
    CHECK(ask(echo.endpoint(), {"--end", "prefix:2le"}, little).output == little);
}

TEST_CASE("exchange: a URL is fetched, or the text is posted to it") {
    const OneReply get("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    const Finished page = ask(get.url(), {});
    CHECK(page.output == "hello");
    CHECK(page.status == 0);
    CHECK(get.request().starts_with("GET / HTTP/1.1\r\n"));
    const OneReply post("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
    const Finished none = ask(post.url(), {"--text", "body"});
    CHECK(none.output == "no");
    CHECK(none.errors == "switchboard: " + post.url() + ": status 404\n");
    CHECK(none.status == 1);
    CHECK(post.request().starts_with("POST / HTTP/1.1\r\n"));
    CHECK(post.request().ends_with("\r\n\r\nbody"));
    CHECK(ask("http://127.0.0.1/", {"--end", "line"}).errors ==
          "switchboard: --end is not for URLs\n");
    CHECK(ask("https://127.0.0.1:0/", {}).errors.ends_with("wrong host or port: bad option\n"));
}

TEST_CASE("exchange: a failure prints one line and exits with 1") {
    const Server discard({"discard"});
    const Server chargen({"chargen"});
    const Socket bound = listen(Endpoint::parse("127.0.0.1:0").value()).value();
    const std::string refused = bound.local()->to_string();
    bound.shutdown();
    const auto check = [](const Finished& finished, const std::string& part) {
        CAPTURE(finished.errors);
        CHECK(finished.status == 1);
        CHECK(finished.output == "");
        CHECK(finished.errors.starts_with("switchboard: "));
        CHECK(finished.errors.find(part) != std::string::npos);
        CHECK(finished.errors.find('\n') == finished.errors.size() - 1);
    };
    check(ask(refused, {"--text", "x"}), refused);
    check(ask(refused, {"--text", "x"}), "connection refused");
    check(ask(discard.endpoint(), {"--text", "x", "--end", "line", "--timeout", "50ms"}),
          "timed out");
    check(ask(chargen.endpoint(), {"--text", "", "--max-reply", "1k"}), "too large");
    check(ask(discard.endpoint(), {"--text", "x", "--end", "frame"}), "--end frame");
    check(ask(discard.endpoint(), {"--text", "x", "--end", "prefix:3be"}), "prefix:3be");
    check(ask(discard.endpoint(), {"--text", "x", "--timeout", "soon"}), "--timeout: \"soon\"");
    check(ask(discard.endpoint(), {"--text", "x", "--max-reply", "-5"}), "--max-reply: \"-5\"");
    check(ask("nowhere", {"--text", "x"}), "nowhere");
}

TEST_CASE("exchange: a reply that ends too early is reported as incomplete") {
    const Server daytime({"daytime"});
    const Finished finished = ask(daytime.endpoint(), {"--text", "", "--end", "length:1000"});
    CHECK(finished.status == 1);
    CHECK(finished.errors.find("before the message was complete") != std::string::npos);
}

TEST_CASE("switchboard: protocols are listed, each with what it does") {
    const Finished finished = programs::switchboard({"protocols"});
    CHECK(finished.status == 0);
    for (const std::string name :
         {"echo", "discard", "chargen", "daytime", "time", "qotd", "relay", "hub"}) {
        CAPTURE(name);
        CHECK(("\n" + finished.output).find("\n" + name + " ") != std::string::npos);
    }
    CHECK(finished.output.find("target=") != std::string::npos);
    CHECK(finished.output.find("RFC 862") != std::string::npos);
}

TEST_CASE("switchboard: --version and --help") {
    const Finished version = programs::switchboard({"--version"});
    CHECK(version.status == 0);
    CHECK(version.output.starts_with("switchboard 0."));
    const Finished help = programs::switchboard({"--help"});
    CHECK(help.status == 0);
    for (const std::string name : {"serve", "exchange", "protocols", "--version"}) {
        CHECK(help.output.find(name) != std::string::npos);
    }
    const Finished serve = programs::switchboard({"serve", "--help"});
    CHECK(serve.status == 0);
    for (const std::string name : {"--listen", "backlog", "process-pool", "drain_timeout"}) {
        CHECK(serve.output.find(name) != std::string::npos);
    }
}
