// Which handler answers which path and method.
#include <doctest/doctest.h>

#include <stdexcept>

#include "http_servers.hpp"
#include "text.hpp"

using namespace switchboard;
using test::body_of;
using test::has;
using test::request_of;
using test::status_of;

namespace {

http::Handler says(std::string name) {
    return [name = std::move(name)](const http::Request& request, http::Response& response) {
        response.send(name + " " + request.parameter("a") + " " + request.parameter("b"));
    };
}

http::Server routes() {
    http::Server server(test::fixed_date());
    server.route("GET", "/", says("root"))
        .route("GET", "/users/{a}", says("user"))
        .route("DELETE", "/users/{a}", says("delete"))
        .route("GET", "/users/me", says("me"))
        .route("GET", "/users/{a}/posts/{b}", says("post"))
        .route("GET", "/files/{a...}", says("file"))
        .route("GET", "/files/{b}/meta", says("meta"))
        .route("PURGE", "/cache", says("purge"));
    return server;
}

std::string got(std::string_view line) {
    return body_of(test::answer_of(routes(), request_of(line)));
}

std::string status(std::string_view line) {
    return status_of(test::answer_of(routes(), request_of(line)));
}

}  // namespace

TEST_CASE("http router: text goes before a name, and a name before the rest") {
    CHECK(got("GET /") == "root  ");
    CHECK(got("GET /users/me") == "me  ");
    CHECK(got("GET /users/%6de") == "me  ");
    CHECK(got("GET /users/you?x=y") == "user you ");
    CHECK(got("GET /users/me/posts/7") == "post me 7");
    CHECK(got("GET /users/a%2Fb") == "user a/b ");
    CHECK(got("GET /users/100%") == "user 100% ");
    CHECK(got("GET /files/a/b/c") == "file a/b/c ");
    CHECK(got("GET /files/x/meta") == "meta  x");
    CHECK(got("GET /files/x/meta/y") == "file x/meta/y ");
    CHECK(got("GET /files/") == "file  ");
    CHECK(got("PURGE /cache") == "purge  ");
}

TEST_CASE("http router: what is not routed") {
    CHECK(status("GET /users") == "404");
    CHECK(status("GET /users/") == "404");
    CHECK(status("GET /users/a/") == "404");
    CHECK(status("GET //") == "404");
    CHECK(status("POST /nowhere") == "404");
    CHECK(status("PURGE /") == "501");
    CHECK(status("PUT /users/a") == "405");
    const std::string allow = "\r\nAllow: OPTIONS, DELETE, GET, HEAD\r\n";
    CHECK(has(test::answer_of(routes(), request_of("PUT /users/a")), allow));
    CHECK(has(test::answer_of(routes(), request_of("OPTIONS /users/a")), allow));
    CHECK(status("OPTIONS /users/a") == "204");
    CHECK(status("OPTIONS *") == "204");
    CHECK(status("OPTIONS /nowhere") == "404");
    http::Server server = routes();
    server.otherwise(says("otherwise"));
    CHECK(body_of(test::answer_of(server, request_of("GET /nowhere"))) == "otherwise  ");
}

TEST_CASE("http router: every one of many paths is found, with each of its methods") {
    http::Server server(test::fixed_date());
    const auto path = [](int i) { return "/" + std::to_string(i % 10) + "/" + std::to_string(i); };
    for (int i = 0; i < 100; ++i)
        for (const std::string method : {"POST", "GET", "PUT"})
            server.route(method, path(i), says(method + std::to_string(i)));
    server.route("PUT", "/put", says("put")).route("GET", "/{a}/{b}", says("named"));
    for (int i = 0; i < 100; ++i)
        for (const std::string method : {"GET", "PUT", "POST"})
            CHECK(body_of(test::answer_of(server, request_of(method + " " + path(i)))) ==
                  method + std::to_string(i) + "  ");
    CHECK(body_of(test::answer_of(server, request_of("GET /1/100"))) == "named 1 100");
    CHECK(status_of(test::answer_of(server, request_of("GET /put"))) == "405");
    CHECK(status_of(test::answer_of(server, request_of("GET /1"))) == "404");
}

TEST_CASE("http router: an invalid route throws, and says why") {
    http::Server server = routes();
    const auto complaint = [&](std::string_view method, std::string_view pattern) -> std::string {
        try {
            server.route(method, pattern, says(""));
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        return "";
    };
    CHECK(complaint("GET", "/") == "route \"/\": there already is a route for GET");
    CHECK(complaint("GET", "x") == "route \"x\": does not begin with \"/\"");
    CHECK(complaint("G T", "/x") == "route \"/x\": invalid method \"G T\"");
    CHECK(complaint("GET", "/{}") == "route \"/{}\": invalid part \"{}\"");
    CHECK(complaint("GET", "/a{b}") == "route \"/a{b}\": invalid part \"a{b}\"");
    CHECK(complaint("GET", "/x/{a...}/y") == "route \"/x/{a...}/y\": \"...\" before the last part");
    CHECK(complaint("GET", "/users/{id}") ==
          "route \"/users/{id}\": another route calls this part \"{a}\"");
    CHECK(complaint("GET", "/1/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}") ==
          "route \"/1/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}\": more than 8 names");
    CHECK(complaint("PUT", "/users/{a}").empty());
}
