// What must be refused, and what must not be.
#include <doctest/doctest.h>

#include <switchboard/testing/memory.hpp>

#include "conforms.hpp"
#include "http_servers.hpp"
#include "rules.hpp"
#include "text.hpp"

using namespace switchboard;
using test::answer_of;
using test::goes_on;
using test::has;
using test::hello;
using test::kRules;
using test::Row;
using test::status_of;

TEST_CASE("http rules: each is refused with its status, and nothing behind it is served") {
    const std::string next = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const Row& row : kRules) {
        CAPTURE(row.rule.anchor);
        CAPTURE(std::string(row.rule.input));
        const std::string answer = answer_of(hello(), std::string(row.rule.input) + next);
        CHECK(status_of(answer) == std::to_string(row.rule.status));
        if (goes_on(row.rule.status)) continue;
        CHECK(has(answer, "\r\nConnection: close\r\n"));
        CHECK(test::count(answer, "HTTP/1.1 ") == 1);
    }
}

TEST_CASE("http rules: the outcome does not depend on how the bytes arrive") {
    for (const Row& row : kRules) {
        CAPTURE(std::string(row.rule.input));
        CHECK(testing::check_deliveries(hello().factory(), row.rule.input, {.random_runs = 4}) ==
              test::kNone);
    }
}

TEST_CASE("http rules: answers to earlier requests go first") {
    const std::string answer = answer_of(hello(), test::request_of("GET /") + "GET / HTTP/1.1\n\n");
    CHECK(status_of(answer) == "200");
    CHECK(has(answer, "helloHTTP/1.1 400 Bad Request\r\n"));
}

TEST_CASE("http rules: what is valid is served") {
    const std::string get = "GET / HTTP/1.1\r\n";
    const std::string inputs[] = {
        get + "Host: a\r\n\r\n",
        get + "host:a\r\n\r\n",
        get + "HOST: \t a:80 \t\r\n\r\n",
        get + "Host: a:\r\n\r\n",
        get + "Host: [::1]:8080\r\n\r\n",
        get + "Host: 127.0.0.1\r\n\r\n",
        get + "Host: a\r\nX:\r\nY: \xc3\xa4\tb\r\n\r\n",
        get + "Host: a\r\nConnection: close, keep-alive, x\r\n\r\n",
        "\r\n" + get + "Host: a\r\n\r\n",
        "GET /?a=b&c=%20 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a HTTP/1.1\r\nHost: A\r\n\r\n",
        "GET http://a/?x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.9\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nExpect: something\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        get + "Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    };
    for (const std::string& input : inputs) {
        CAPTURE(input);
        CHECK(status_of(answer_of(hello(), input)) == "200");
        CHECK(testing::check_deliveries(hello().factory(), input) == test::kNone);
    }
}

TEST_CASE("http rules: the longest line and head are served, and one byte more is not") {
    http::ServerOptions options = test::fixed_date();
    options.limits.max_line = 64;
    options.limits.max_head = 128;
    const auto status = [&](const std::string& input) {
        CHECK(testing::check_deliveries(hello(options).factory(), input) == test::kNone);
        return status_of(answer_of(hello(options), input));
    };
    const auto line = [](std::size_t size) {
        const std::string start = "GET /?", end = " HTTP/1.1";
        return start + std::string(size - start.size() - end.size(), 'a') + end + "\r\n";
    };
    const auto head = [&](std::size_t size) {
        const std::string start = line(60) + "Host: a\r\nX: ", end = "\r\n\r\n";
        return start + std::string(size - start.size() - end.size(), 'x') + end;
    };
    for (const std::string& before : {std::string(), std::string("\r\n")}) {
        CHECK(status(before + line(64) + "Host: a\r\n\r\n") == "200");
        CHECK(status(before + line(65) + "Host: a\r\n\r\n") == "414");
        CHECK(status(before + head(128 - before.size())) == "200");
        CHECK(status(before + head(129 - before.size())) == "431");
        CHECK(status(before + line(65) + "Host: a\n\r\n") == "414");
        CHECK(status(before + "GET\n" + line(65) + "\r\n\r\n") == "400");
    }
}

TEST_CASE("http rules: limits of the head") {
    const std::string line(8 * 1024, 'a'), field = "X: " + std::string(4'000, 'a') + "\r\n";
    CHECK(status_of(answer_of(hello(), test::request_of("GET /" + line))) == "414");
    CHECK(status_of(answer_of(hello(), "GET /" + line)) == "414");
    CHECK(status_of(answer_of(hello(), test::request_of("GET /", field + field + field))) == "200");
    CHECK(status_of(answer_of(
              hello(), test::request_of("GET /", field + field + field + field + field))) == "431");
    CHECK(status_of(answer_of(
              hello(), "GET / HTTP/1.1\r\n" + field + field + field + field + field)) == "431");
    std::string fields;
    for (int i = 0; i < 99; ++i) fields += "X: y\r\n";
    CHECK(status_of(answer_of(hello(), test::request_of("GET /", fields))) == "200");
    CHECK(status_of(answer_of(hello(), test::request_of("GET /", fields + "X: y\r\n"))) == "431");
}
