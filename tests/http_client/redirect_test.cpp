// Redirects: where they lead, and what goes along.
#include <doctest/doctest.h>

#include <redirect.hpp>

#include "client_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using http::FieldList;

namespace {

std::string resolved(std::string_view base, std::string_view reference) {
    const auto from = http::detail::parse_url(base, http::detail::kHttpUrl);
    REQUIRE(from.has_value());
    const auto to = http::detail::resolve(*from, reference);
    return to ? http::detail::to_text(*to) : to.error().context();
}

// Redirects every request to `location` with `status`, except those to /end.
http::Server redirecting(unsigned status, std::string location) {
    http::Server server;
    const auto go = [=](const Request&, Response& response) {
        response.status(status).field("Location", location).send("not here");
    };
    const auto end = [](const Request& request, Response& response) {
        std::string text = std::string(request.method()) + " ";
        for (const auto& [name, value] : request.fields())
            if (name != "Host" && name != "Accept-Encoding" && name != "Content-Length")
                text.append(name).append("=").append(value).append(" ");
        response.send(text + std::string(as_text(request.body())));
    };
    for (const char* const method : {"GET", "POST", "PUT", "DELETE"}) {
        server.route(method, "/", go);
        server.route(method, "/end", end);
    }
    return server;
}

std::string header(std::string_view method) {
    return std::string(method) + " ";
}

}  // namespace

TEST_CASE("http redirects: references are resolved as RFC 3986, section 5.4, says") {
    const std::string base = "http://a/b/c/d;p?q";
    const std::pair<const char*, const char*> examples[] = {
        {"http://g/h", "http://g/h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {"g?y#s", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"/a?http://x:y", "http://a/a?http://x:y"},
        {"HTTPS://B:444?x", "https://B:444/?x"},
    };
    for (const auto& example : examples) {
        CAPTURE(example.first);
        CHECK(resolved(base, example.first) == example.second);
    }
    CHECK(resolved("https://a:444/x", "//b/y") == "https://b/y");
    CHECK(resolved("https://a:444/x", "y") == "https://a:444/y");
    for (const char* const wrong : {"mailto:x", "javascript:alert(1)", "http:", "http:g", "//",
                                    "//u@b/", "/a b", "/\xc3\xa4", "http://a:99999/"})
        CHECK_MESSAGE(resolved(base, wrong).starts_with("URL: "), wrong);
}

TEST_CASE("http redirects: what the same origin is") {
    const auto same = [](std::string_view a, std::string_view b) {
        using namespace http::detail;
        return is_same_origin(*parse_url(a, kHttpUrl), *parse_url(b, kHttpUrl));
    };
    CHECK(same("http://a/x", "HTTP://A:80/y?z"));
    CHECK(same("https://a", "https://a:443"));
    CHECK_FALSE(same("http://a:443", "https://a:443"));
    CHECK_FALSE(same("http://a", "http://a:81"));
    CHECK_FALSE(same("http://a", "http://b"));
}

TEST_CASE("http redirects: which method and body the next request has") {
    struct Row {
        unsigned status;
        const char *method, *then;
    };
    const Row rows[] = {
        {301, "GET", "GET "},       {301, "POST", "GET "},      {301, "PUT", "PUT body"},
        {302, "POST", "GET "},      {302, "DELETE", "DELETE "}, {303, "POST", "GET "},
        {303, "PUT", "GET "},       {303, "GET", "GET "},       {307, "POST", "POST body"},
        {308, "POST", "POST body"}, {307, "GET", "GET "},       {308, "PUT", "PUT body"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.status);
        CAPTURE(row.method);
        Net net;
        const auto at = net.serve(redirecting(row.status, "/end"));
        const std::string method = row.method;
        const bool has_body = method == "POST" || method == "PUT";
        Call call{.method = method, .url = url_of(at)};
        if (has_body) {
            call.body = "body";
            call.fields = {{"X", "y"}, {"Content-Type", "text/x"}};
        }
        const auto got = net.send(call);
        CHECK(got.reply().url == url_of(at, "/end"));
        const bool keeps = std::string(row.then).ends_with("body");
        const std::string fields = has_body ? (keeps ? "X=y Content-Type=text/x " : "X=y ") : "";
        const std::string expected = row.then;
        const auto space = expected.find(' ') + 1;
        CHECK(got.reply().body == expected.substr(0, space) + fields + expected.substr(space));
    }
}

TEST_CASE("http redirects: to another origin only harmless fields go along, for each status") {
    const FieldList fields{{"Authorization", "secret"}, {"Cookie", "secret"},
                           {"X-Token", "secret"},       {"Accept", "a"},
                           {"Accept-Language", "b"},    {"Cache-Control", "c"},
                           {"Range", "bytes=0-"},       {"If-Match", "\"d\""},
                           {"User-Agent", "e"}};
    for (const unsigned status : {301U, 302U, 303U, 307U, 308U}) {
        Net net;
        const auto there = net.serve(redirecting(status, "/end"));
        const auto here = net.serve(redirecting(status, url_of(there, "/end")));
        CHECK(net.send({.url = url_of(here), .fields = fields}).reply().body ==
              header("GET") +
                  "Accept=a Accept-Language=b Cache-Control=c Range=bytes=0- If-Match=\"d\" "
                  "User-Agent=e ");
        // What was left out does not come back.
        const auto back = net.serve(redirecting(status, url_of(here)));
        CHECK_FALSE(has(net.send({.url = url_of(back), .fields = fields}).reply().body, "secret"));
        CHECK(has(net.send({.url = url_of(there), .fields = fields}).reply().body,
                  "Authorization=secret"));
    }
}

TEST_CASE("http redirects: a chain of at most `redirects`, on one connection") {
    RawServer server;
    server.answer = [&](Connection& c, std::size_t request) {
        const std::string next = "Location: /" + std::to_string(request) + "\r\n";
        c.write(request <= 3 ? reply_of("gone", next, "302 Found") : reply_of("end"));
    };
    {
        Net net({.redirects = 3});
        const auto at = net.serve(server);
        const auto got = net.get(url_of(at));
        CHECK(got.reply().body == "end");
        CHECK(got.reply().url == url_of(at, "/3"));
        CHECK(server.connections == 1);
    }
    server.requests = 0;
    {
        Net net({.redirects = 2});
        const auto got = net.get(url_of(net.serve(server)));
        CHECK(got.error() == make_error_code(http::client_errc::too_many_redirects));
        CHECK(server.requests == 3);
    }
    server.requests = 0;
    Net net({.redirects = 0});
    const auto got = net.get(url_of(net.serve(server)));
    CHECK(got.reply().status == 302);
    CHECK(got.reply().body == "gone");
}

TEST_CASE("http redirects: those that lead nowhere") {
    const auto told = [](const std::string& fields, const std::string& status = "302 Found") {
        Net net;
        RawServer server;
        server.answer = says(reply_of("body", fields, status));
        return net.get(url_of(net.serve(server)));
    };
    CHECK(told("Location: ftp://a/\r\n").error() ==
          make_error_code(http::client_errc::bad_redirect));
    CHECK(told("Location: http://u:p@a/\r\n").error() ==
          make_error_code(http::client_errc::bad_redirect));
    CHECK(told("").reply().body == "body");
    CHECK(told("Location: /\r\n", "304 Not Modified").reply().status == 304);
    CHECK(told("Location: /\r\n", "300 Choose").reply().status == 300);
    CHECK(told("Location: /\r\n", "201 Created").reply().status == 201);
    Net net;
    const auto at = net.serve(redirecting(307, "/end"));
    Call call{.method = "POST", .url = url_of(at)};
    call.body_source = [](http::BodyWriter& to) {
        to.write("once");
        return false;
    };
    CHECK(net.send(call).error() == make_error_code(http::client_errc::bad_redirect));
    const auto see_other = net.serve(redirecting(303, "/end"));
    call.url = url_of(see_other);
    CHECK(net.send(call).reply().body == header("GET"));
}

TEST_CASE("http redirects: the hooks see the last reply only, and long bodies are not read") {
    Net net;
    RawServer server;
    std::string much = reply_of("", "Location: /end\r\n", "302 Found");
    server.answer = [&](Connection& c, std::size_t request) {
        switch (request) {
            case 1:
                c.write(reply_of(std::string(1000, 'x'), "Location: /2\r\n", "302 Found"));
                break;
            case 2:
                c.write("HTTP/1.1 302 Found\r\nLocation: /3\r\nContent-Length: 1000000000\r\n\r\n");
                break;
            case 3:
                c.write("HTTP/1.1 302 Found\r\nLocation: /4\r\n\r\n" + std::string(70'000, 'x'));
                break;
            default: c.write(reply_of("end"));
        }
    };
    std::string seen;
    const auto got =
        net.send({.url = url_of(net.serve(server))},
                 {.on_head = [&](const Reply& head) { seen += std::to_string(head.status); },
                  .on_piece =
                      [&](Bytes piece) {
                          seen += as_text(piece);
                          return true;
                      }});
    CHECK(got.reply().status == 200);
    CHECK(seen == "200end");
    CHECK(server.connections == 3);
}
