// Servers for the tests of HTTP, and what they answer.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <switchboard/http.hpp>
#include <switchboard/testing/conformance.hpp>

namespace switchboard::test {

inline std::string request_of(std::string_view line, std::string_view fields = "",
                              std::string_view body = "") {
    return std::string(line) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" +
           std::string(body);
}

// The clock that the servers of these tests have: 1994-11-06 08:49:37, the example of RFC 9110.
inline http::ServerOptions fixed_date() {
    http::ServerOptions options;
    options.clock = [] { return std::chrono::system_clock::from_time_t(784'111'777); };
    return options;
}

// GET / says hello, and POST / sends the body back.
inline http::Server hello(http::ServerOptions options = fixed_date()) {
    http::Server server(std::move(options));
    server.route("GET", "/", [](const http::Request&, http::Response& response) {
        response.type("text/plain").send("hello");
    });
    server.route("POST", "/", [](const http::Request& request, http::Response& response) {
        response.send(as_text(request.body()));
    });
    return server;
}

inline std::string answer_of(const http::Server& server, std::string_view input) {
    return testing::deliver(server.factory(), input, {.limits = {}}).output;
}

inline std::string status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? answer.substr(9, 3) : "none: " + answer;
}

inline std::string body_of(const std::string& answer) {
    const auto end = answer.find("\r\n\r\n");
    return end == answer.npos ? "no head: " + answer : answer.substr(end + 4);
}

}  // namespace switchboard::test
