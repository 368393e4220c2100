// The protocols of HTTP in a registry: `switchboard serve http` and `serve hello`.
#include <doctest/doctest.h>

#include <switchboard/http_registry.hpp>

#include "folder.hpp"
#include "http_servers.hpp"
#include "text.hpp"

using namespace switchboard;

namespace {

Result<ProtocolFactory> http_by_name(std::string_view name,
                                     const std::vector<std::string>& options) {
    Registry registry;
    http::register_http(registry);
    return registry.make(name, Options::parse(options).value(), {});
}

std::string registry_error(std::string_view name, const std::vector<std::string>& options) {
    const auto made = http_by_name(name, options);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error() == errc::bad_option);
    return made.error().message();
}

std::string page_by_name(std::string_view name, const std::vector<std::string>& options,
                         const std::string& path = "/") {
    const auto made = http_by_name(name, options);
    REQUIRE(made.has_value());
    return testing::deliver(*made, test::request_of("GET " + path)).output;
}

}  // namespace

TEST_CASE("http by name: the files of a directory, which is required and must exist") {
    const test::FileTree files;
    files.add("a.txt", "hello");
    const std::string root = "root=" + files.path().string();
    CHECK(test::body_of(page_by_name("http", {root}, "/a.txt")) == "hello");
    CHECK(test::status_of(page_by_name("http", {root}, "/b.txt")) == "404");
    CHECK(test::has(registry_error("http", {}), "option root=DIR is missing"));
    CHECK(test::has(registry_error("http", {root, "rot=/"}), "rot"));
    CHECK(test::has(registry_error("http", {"root=/none/such"}), "/none/such"));
}

TEST_CASE("http by name: a page of the size that is asked for") {
    CHECK(test::body_of(page_by_name("hello", {})) == "Hello, world!\n");
    CHECK(test::body_of(page_by_name("hello", {"size=20"})) == "Hello, world!\nHello,");
    CHECK(test::body_of(page_by_name("hello", {"size=0"})) == "");
    CHECK(test::body_of(page_by_name("hello", {"size=1M"})).size() == 1024 * 1024);
    CHECK(test::has(registry_error("hello", {"size=1048577"}), "must be at most 1048576"));
    CHECK(test::has(registry_error("hello", {"size=x"}), "size"));
    CHECK(test::has(registry_error("hello", {"root=/"}), "root"));
}

TEST_CASE("http by name: a connection has no limit of requests, and bodies are not compressed") {
    std::string input;
    for (int i = 0; i < 1'500; ++i) input += test::request_of("GET /", "Accept-Encoding: gzip\r\n");
    const auto made = http_by_name("hello", {"size=2000"});
    REQUIRE(made.has_value());
    const std::string output = testing::deliver(*made, input).output;
    CHECK(test::count(output, "HTTP/1.1 200 OK\r\n") == 1'500);
    CHECK_FALSE(test::has(output, "Content-Encoding"));
    CHECK_FALSE(test::has(output, "Connection: close"));
}
