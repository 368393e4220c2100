// Answers that are compressed, and those that are not.
#include <doctest/doctest.h>

#include <switchboard/testing/memory.hpp>

#include "conforms.hpp"
#include "folder.hpp"
#include "process.hpp"
#include "text.hpp"

using namespace switchboard;
using test::answer_of;
using test::body_of;
using test::has;
using test::request_of;
using test::status_of;
using test::value_in;

namespace {

constexpr auto kAccepts = "Accept-Encoding: gzip, deflate, br\r\n";

// By gzip(1), which checks the sum and the size.
std::string unzipped(const std::string& text) {
    const auto finished = support::run({"gzip", "-dc"}, text);
    CHECK(finished.status == 0);
    CHECK(finished.errors == "");
    return finished.output;
}

struct Answering {
    std::string body = test::numbers(5'000);
    std::string type = "application/json";
    unsigned status = 200;
    std::vector<std::pair<std::string, std::string>> fields = {};
    bool gzip = true;

    http::Server server() const {
        auto options = test::fixed_date();
        options.gzip = gzip;
        http::Server made(std::move(options));
        const auto prepare = [*this](http::Response& response) {
            for (const auto& [name, value] : fields) response.field(name, value);
            response.status(status);
            if (!type.empty()) response.type(type);
        };
        made.route("GET", "/", [=, text = body](const auto&, http::Response& response) {
            prepare(response);
            response.send(text);
        });
        made.route("GET", "/shared", [=, text = body](const auto&, http::Response& response) {
            prepare(response);
            response.send(SharedBytes(std::make_shared<const std::string>(text)));
        });
        return made;
    }
    std::string get(const std::string& fields_of_request = kAccepts) const {
        return answer_of(server(), request_of("GET /", fields_of_request));
    }
    bool compresses() const { return value_in(get(), "Content-Encoding") == "gzip"; }
};

}  // namespace

TEST_CASE("http gzip: a body is compressed for clients that accept it") {
    const Answering plain;
    for (const std::string path : {"/", "/shared"}) {
        const std::string answer = answer_of(plain.server(), request_of("GET " + path, kAccepts));
        CHECK(value_in(answer, "Content-Encoding") == "gzip");
        CHECK(value_in(answer, "Vary") == "Accept-Encoding");
        CHECK(value_in(answer, "Content-Type") == "application/json");
        CHECK(value_in(answer, "Content-Length") == std::to_string(body_of(answer).size()));
        CHECK(body_of(answer).size() < plain.body.size() / 2);
        CHECK(unzipped(body_of(answer)) == plain.body);
    }
    for (const std::string fields :
         {"", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n"}) {
        const std::string answer = plain.get(fields);
        CHECK(body_of(answer) == plain.body);
        CHECK(value_in(answer, "Vary") == "Accept-Encoding");
        CHECK_FALSE(has(answer, "Content-Encoding"));
    }
    test::conforms(plain.server().factory(),
                   request_of("GET /", kAccepts) + request_of("HEAD /", kAccepts));
}

TEST_CASE("http gzip: only types that compress, and sizes that are worth it") {
    for (const std::string type :
         {"text/html; charset=utf-8", "Text/CSS", "image/svg+xml", "application/xml",
          "application/problem+json;v=1", "text/event-stream"}) {
        CAPTURE(type);
        CHECK(Answering{.type = type}.compresses());
    }
    for (const std::string type :
         {"", "image/png", "application/octet-stream", "application/gzip", "video/mp4"}) {
        CAPTURE(type);
        const Answering other{.type = type};
        CHECK_FALSE(other.compresses());
        CHECK_FALSE(has(other.get(), "Vary"));
    }
    CHECK_FALSE(Answering{.body = test::numbers(1'023)}.compresses());
    CHECK(Answering{.body = test::numbers(1'024)}.compresses());
    CHECK(Answering{.body = test::numbers(1'048'576)}.compresses());
    CHECK_FALSE(Answering{.body = test::numbers(1'048'577)}.compresses());
    CHECK_FALSE(Answering{.gzip = false}.compresses());
    CHECK_FALSE(has(Answering{.gzip = false}.get(), "Vary"));
}

TEST_CASE("http gzip: a body that does not become smaller is sent as it is") {
    std::string noise;
    for (unsigned i = 0, x = 1; i < 2'000; ++i) {
        x = x * 1'664'525U + 1'013'904'223U;
        noise += static_cast<char>(x >> 24U);
    }
    const std::string answer = Answering{.body = noise}.get();
    CHECK(body_of(answer) == noise);
    CHECK_FALSE(has(answer, "Content-Encoding"));
}

TEST_CASE("http gzip: not for 204, 206 and 304, nor for what the handler has encoded") {
    for (const unsigned status : {204U, 206U, 304U}) {
        CAPTURE(status);
        CHECK_FALSE(Answering{.status = status}.compresses());
    }
    CHECK(Answering{.status = 404}.compresses());
    for (const std::string name :
         {"Content-Encoding", "content-range", "Content-MD5", "Content-Digest"}) {
        CAPTURE(name);
        const Answering own{.fields = {{name, "x"}}};
        CHECK(body_of(own.get()) == own.body);
    }
}

TEST_CASE("http gzip: HEAD has the fields of GET, and no length that would be another") {
    const auto server = Answering{.fields = {{"ETag", "\"v\""}}}.server();
    const std::string head = answer_of(server, request_of("HEAD /", kAccepts));
    CHECK(body_of(head).empty());
    CHECK(value_in(head, "Content-Encoding") == "gzip");
    CHECK(value_in(head, "ETag") == "W/\"v\"");
    CHECK(value_in(head, "Vary") == "Accept-Encoding");
    CHECK_FALSE(has(head, "Content-Length"));
    CHECK(value_in(answer_of(server, request_of("HEAD /")), "Content-Length") == "5000");
}

TEST_CASE("http gzip: the ETag becomes weak, and Vary is named once") {
    const auto value = [](const std::string& name, const std::string& given) {
        return value_in(Answering{.fields = {{name, given}, {"X", "y"}}}.get(), name);
    };
    CHECK(value("ETag", "\"v\"") == "W/\"v\"");
    CHECK(value("etag", "W/\"v\"") == "W/\"v\"");
    CHECK(value_in(Answering{.fields = {{"ETag", "\"v\""}}}.get(""), "ETag") == "\"v\"");
    for (const std::string given : {"*", "Accept-Encoding", "origin, accept-encoding"}) {
        CAPTURE(given);
        const std::string answer = Answering{.fields = {{"Vary", given}}}.get();
        CHECK(test::count(answer, "Vary: ") == 1);
        CHECK(value_in(answer, "Vary") == given);
    }
    const std::string answer =
        Answering{.fields = {{"Vary", "Origin"}, {"X", std::string(5'000, 'x')}}}.get();
    CHECK(has(answer, "\r\nVary: Origin\r\n"));
    CHECK(has(answer, "\r\nVary: Accept-Encoding\r\n"));
    CHECK(has(answer, "\r\nX: " + std::string(5'000, 'x') + "\r\n"));
    CHECK(unzipped(body_of(answer)) == Answering{}.body);
}

TEST_CASE("http gzip: also an answer that comes later, but not one in pieces") {
    const std::string text = test::numbers(5'000);
    std::vector<http::Later> waiting;
    http::Server server(test::fixed_date());
    server.route("GET", "/later", [&](const auto&, http::Response& response) {
        waiting.push_back(response.type("application/json").later());
    });
    server.route("GET", "/stream", [&](const auto&, http::Response& response) {
        auto stream = response.type("application/json").stream();
        stream.write(text);
        stream.end();
    });
    for (const std::string fields : {kAccepts, ""}) {
        testing::MemoryDriver driver;
        auto& peer = driver.connect(server.factory());
        peer.send(request_of("GET /later", fields));
        driver.run();
        waiting.at(0).send(text);
        waiting.clear();
        driver.run();
        const std::string answer = peer.received();
        CHECK(value_in(answer, "Vary") == "Accept-Encoding");
        CHECK(has(answer, "Content-Encoding") == !fields.empty());
        CHECK((fields.empty() ? body_of(answer) : unzipped(body_of(answer))) == text);
    }
    CHECK_FALSE(has(answer_of(server, request_of("GET /stream", kAccepts)), "Content-Encoding"));
}
