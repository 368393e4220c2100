// Server::files(): which file is sent, and what is refused.
#include <doctest/doctest.h>

#include <stdexcept>

#include "conforms.hpp"
#include "folder.hpp"
#include "no_descriptors.hpp"
#include "text.hpp"

using namespace switchboard;
using test::answer_of;
using test::body_of;
using test::FileTree;
using test::has;
using test::request_of;
using test::status_of;
using test::value_in;

namespace {

std::string get(const FileTree& tree, const std::string& path, const std::string& fields = "") {
    return answer_of(tree.server(), request_of("GET " + path, fields));
}

}  // namespace

TEST_CASE("http files: a whole answer, byte for byte") {
    const FileTree tree;
    tree.add("a b.txt", "hello");
    const std::string expected =
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"ae14e069ffb6500-5\"\r\n"
        "Last-Modified: Sat, 05 Nov 1994 00:00:00 GMT\r\nContent-Type: text/plain; "
        "charset=utf-8\r\n"
        "Accept-Ranges: bytes\r\nContent-Length: 5\r\n\r\n";
    CHECK(get(tree, "/a%20b.txt?query") == expected + "hello");
    CHECK(answer_of(tree.server(), request_of("HEAD /a%20b.txt")) == expected);
    test::conforms(tree.server().factory(),
                   request_of("GET /a%20b.txt") + request_of("GET /none") +
                       request_of("GET /a%20b.txt", "Range: bytes=1-2\r\n"));
}

TEST_CASE("http files: a server without a clock") {
    const FileTree tree;
    tree.add("a", "text");
    http::ServerOptions options;
    options.clock = nullptr;
    http::Server server(options);
    server.files("/", tree.path().string());
    const std::string answer = answer_of(server, request_of("GET /a"));
    CHECK(value_in(answer, "Last-Modified") == "Sat, 05 Nov 1994 00:00:00 GMT");
    CHECK(value_in(answer, "Date") == "");
}

TEST_CASE("http files: types by extension") {
    const FileTree tree;
    const auto type = [&](const std::string& name) {
        tree.add(name, "x");
        return value_in(get(tree, "/" + name), "Content-Type");
    };
    CHECK(type("a.HTML") == "text/html; charset=utf-8");
    CHECK(type("a.b.js") == "text/javascript; charset=utf-8");
    CHECK(type("a.json") == "application/json");
    CHECK(type("a.svg") == "image/svg+xml");
    CHECK(type("a.zip") == "application/zip");
    CHECK(type("a.woff2") == "font/woff2");
    CHECK(type("a.unknown") == "application/octet-stream");
    CHECK(type("html") == "application/octet-stream");
    CHECK(type("a.") == "application/octet-stream");
}

TEST_CASE("http files: directories") {
    const FileTree tree;
    tree.add("index.html", "top");
    tree.add("sub/index.html", "below");
    tree.add("empty/other", "");
    std::filesystem::create_directories(tree.path() / "odd/index.html");
    CHECK(body_of(get(tree, "/")) == "top");
    CHECK(body_of(get(tree, "/sub/")) == "below");
    CHECK(value_in(get(tree, "/sub/"), "Content-Type") == "text/html; charset=utf-8");
    const std::string moved = get(tree, "/s%75b?a=b");
    CHECK(status_of(moved) == "301");
    CHECK(value_in(moved, "Location") == "/s%75b/?a=b");
    CHECK(status_of(get(tree, "/empty/")) == "404");
    CHECK(status_of(get(tree, "/odd/")) == "404");
    CHECK(status_of(get(tree, "/index.html/")) == "404");
    CHECK(status_of(get(tree, "/none")) == "404");
    CHECK(status_of(answer_of(tree.server(), request_of("POST /index.html"))) == "405");
}

TEST_CASE("http files: a prefix") {
    const FileTree tree;
    tree.add("index.html", "top");
    tree.add("a/b", "deep");
    for (const std::string prefix : {"/x/y", "/x/y/"}) {
        CAPTURE(prefix);
        const auto answer = [&](const std::string& path) {
            return answer_of(tree.server(prefix), request_of("GET " + path));
        };
        CHECK(body_of(answer("/x/y/a/b")) == "deep");
        CHECK(body_of(answer("/%78/y/a/b")) == "deep");
        CHECK(body_of(answer("/x/y/")) == "top");
        CHECK(value_in(answer("/x/y"), "Location") == "/x/y/");
        CHECK(status_of(answer("/a/b")) == "404");
    }
    http::Server server;
    CHECK_THROWS_AS(server.files("x", tree.path().string()), std::invalid_argument);
    CHECK_THROWS_AS(server.files("/{x}", tree.path().string()), std::invalid_argument);
    CHECK_THROWS_AS(server.files("/", tree.path().string() + "/none"), std::invalid_argument);
    CHECK_THROWS_AS(server.files("/", tree.path().string() + "/a/b"), std::invalid_argument);
    CHECK_NOTHROW(server.files("/", tree.path().string()));
    CHECK_THROWS_AS(server.files("/", tree.path().string()), std::invalid_argument);
}

TEST_CASE("http files: names that could lead elsewhere are 404") {
    const FileTree tree;
    tree.add("root/a/file", "inside");
    tree.add("root/.hidden", "hidden");
    tree.add("root/.git/config", "hidden");
    tree.add("root/back\\slash", "backslash");
    tree.add("secret", "secret");
    http::Server server(test::fixed_date());
    server.files("/", (tree.path() / "root").string());
    CHECK(body_of(answer_of(server, request_of("GET /a/file"))) == "inside");
    for (const std::string path : {"/../secret",
                                   "/a/../../secret",
                                   "/%2e%2e/secret",
                                   "/..%2fsecret",
                                   "/%2E%2E%2Fsecret",
                                   "/a/..%2f..%2fsecret",
                                   "/./a/file",
                                   "/a/./file",
                                   "/.hidden",
                                   "/%2ehidden",
                                   "/.git/config",
                                   "/a%2ffile",
                                   "/a//file",
                                   "//a/file",
                                   "/a/file%00",
                                   "/a/file%00.txt",
                                   "/back\\slash",
                                   "/back%5cslash",
                                   "/..\\secret",
                                   "/%2e%2e%5csecret",
                                   "/a/file/",
                                   "/a/file/x",
                                   "/a/..",
                                   "/...",
                                   "/%",
                                   "/%2",
                                   "/%zz"}) {
        CAPTURE(path);
        CHECK(status_of(answer_of(server, request_of("GET " + path))) == "404");
    }
}

TEST_CASE("http files: neither links below the directory nor anything but files are sent") {
    const FileTree tree;
    tree.add("root/a/file", "inside");
    tree.add("secret/file", "secret");
    const auto root = tree.path() / "root";
    std::filesystem::create_symlink("../secret/file", root / "out");
    std::filesystem::create_symlink("../secret", root / "folder");
    std::filesystem::create_symlink("a/file", root / "in");
    std::filesystem::create_symlink("../secret/file", root / "a/file.gz");
    REQUIRE(::mkfifo((root / "fifo").c_str(), 0600) == 0);
    std::filesystem::create_symlink("root", tree.path() / "current");
    http::Server server(test::fixed_date());
    server.files("/", (tree.path() / "current").string());
    for (const std::string path : {"/out", "/folder/file", "/folder", "/folder/", "/in", "/fifo"}) {
        CAPTURE(path);
        CHECK(status_of(answer_of(server, request_of("GET " + path))) == "404");
    }
    const std::string accepting = request_of("GET /a/file", "Accept-Encoding: gzip\r\n");
    CHECK(body_of(answer_of(server, accepting)) == "inside");
    // The directory itself may be a link, which is followed anew for each request.
    std::filesystem::remove(tree.path() / "current");
    std::filesystem::create_symlink("secret", tree.path() / "current");
    CHECK(body_of(answer_of(server, request_of("GET /file"))) == "secret");
    std::filesystem::remove(tree.path() / "current");
    CHECK(status_of(answer_of(server, request_of("GET /file"))) == "404");
}

TEST_CASE("http files: a compressed file beside the other one") {
    const FileTree tree;
    tree.add("a.html", "plain");
    tree.add("b.html", "plain");
    tree.add("c.html", "plain");
    tree.add("b.html.gz", "small");
    tree.add("c.html.gz", "stale", -1);
    const std::string accepts = "Accept-Encoding: br, GZip;q=0.5\r\n";
    const std::string small = get(tree, "/b.html", accepts);
    CHECK(body_of(small) == "small");
    CHECK(value_in(small, "Content-Encoding") == "gzip");
    CHECK(value_in(small, "Content-Type") == "text/html; charset=utf-8");
    CHECK(value_in(small, "Vary") == "Accept-Encoding");
    const std::string plain = get(tree, "/b.html");
    CHECK(body_of(plain) == "plain");
    CHECK(value_in(plain, "Vary") == "Accept-Encoding");
    CHECK_FALSE(has(plain, "Content-Encoding"));
    CHECK(value_in(plain, "ETag") != value_in(small, "ETag"));
    for (const std::string path : {"/a.html", "/c.html"}) {
        const std::string answer = get(tree, path, accepts);
        CHECK(body_of(answer) == "plain");
        CHECK_FALSE(has(answer, "Vary"));
    }
    const std::string itself = get(tree, "/b.html.gz", accepts);
    CHECK(value_in(itself, "Content-Type") == "application/gzip");
    CHECK_FALSE(has(itself, "Content-Encoding"));
    CHECK(body_of(get(tree, "/b.html", accepts + "Range: bytes=1-2\r\n")) == "ma");
}

TEST_CASE("http files: Accept-Encoding and its weights") {
    const FileTree tree;
    tree.add("a", "plain");
    tree.add("a.gz", "small");
    const auto body = [&](const std::string& value) {
        return body_of(get(tree, "/a", "Accept-Encoding: " + value + "\r\n"));
    };
    for (const std::string value :
         {"gzip", "x-gzip", "*", "gzip;q=1", "gzip;q=1.000", "gzip ; q=0.001", "a,gzip,b",
          "identity;q=0.5, gzip;q=0.5", "*;q=0.1", "gzip;q=0.2, *;q=0"}) {
        CAPTURE(value);
        CHECK(body(value) == "small");
    }
    for (const std::string value :
         {"", "br", "gzip;q=0", "gzip;q=0.000", "gzip;q=2", "gzip;q=1.001", "gzip;q=0.0001",
          "gzip;q=x", "gzip;x=1", "gzip;q=", "gzip;q=10", "gzip;q=0.a", "gzip;q=0.5!", "gzip;q=-1",
          "identity, gzip;q=0.9", "*;q=0", "gzip;q=0, *", "gzipped"}) {
        CAPTURE(value);
        CHECK(body(value) == "plain");
    }
}

TEST_CASE("http files: what may not be read is 403, and a lack of descriptors 503") {
    const FileTree tree;
    tree.add("a", "text");
    const auto server = tree.server();
    const std::string request = request_of("GET /a");
    CHECK(status_of(answer_of(server, request)) == "200");
    std::filesystem::permissions(tree.path(), std::filesystem::perms(0755));
    std::filesystem::permissions(tree.path() / "a", std::filesystem::perms::none);
    {
        // Root may read anything.
        const uid_t before = ::geteuid();
        if (before == 0) REQUIRE(::seteuid(65'534) == 0);
        CHECK(status_of(answer_of(server, request)) == "403");
        REQUIRE(::seteuid(before) == 0);
    }
    std::filesystem::permissions(tree.path() / "a", std::filesystem::perms(0600));
    {
        const test::NoDescriptors none;
        CHECK(status_of(answer_of(server, request)) == "503");
    }
    CHECK(status_of(answer_of(server, request)) == "200");
}
