// Conditions, ranges and dates.
#include <doctest/doctest.h>

#include <switchboard/http_conditions.hpp>

#include "folder.hpp"
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

// Returns the answer's status by evaluate_conditions(), for a resource with the ETag "a,b" of 1994-11-06
// 08:49:37.
std::string status_with(const std::string& method, const std::string& fields,
                        http::Validators current = {
                            .etag = "\"a,b\"",
                            .last_modified = std::chrono::system_clock::from_time_t(784'111'777)}) {
    http::Server server(test::fixed_date());
    server.route(method, "/", [=](const http::Request& request, http::Response& response) {
        const auto condition = http::evaluate_conditions(request, current);
        if (condition == http::Condition::not_modified) response.status(304);
        if (condition == http::Condition::failed) response.status(412);
        response.send();
    });
    return status_of(answer_of(server, request_of(method + " /", fields)));
}

std::string get_status(const std::string& fields) {
    return status_with("GET", fields);
}

constexpr auto kThen = "Sun, 06 Nov 1994 08:49:37 GMT\r\n";
constexpr auto kBefore = "Sun, 06 Nov 1994 08:49:36 GMT\r\n";
constexpr auto kAfter = "Sun, 06 Nov 1994 08:49:38 GMT\r\n";

std::string with(const std::string& name, const std::string& value) {
    return name + ": " + value + (value.ends_with('\n') ? "" : "\r\n");
}

}  // namespace

TEST_CASE("http conditions: If-None-Match, weakly") {
    CHECK(get_status("") == "200");
    for (const std::string value :
         {"\"a,b\"", "W/\"a,b\"", "*", "\"x\", \"a,b\"", ",, \"x\" ,\"a,b\",", "\"\", W/\"a,b\""}) {
        CAPTURE(value);
        CHECK(get_status(with("If-None-Match", value)) == "304");
        CHECK(status_with("HEAD", with("If-None-Match", value)) == "304");
        CHECK(status_with("PUT", with("If-None-Match", value)) == "412");
    }
    for (const std::string value :
         {"\"a\"", "\"a\",\"b\"", "a,b", "\"a,b", "w/\"a,b\"", "\"x\" \"a,b\"", "", "\"a, b\""}) {
        CAPTURE(value);
        CHECK(get_status(with("If-None-Match", value)) == "200");
    }
    CHECK(get_status(with("If-None-Match", "\"x\"") + with("If-None-Match", "\"a,b\"")) == "304");
    const http::Validators weak{.etag = "W/\"v\""}, none{.exists = false};
    CHECK(status_with("GET", with("If-None-Match", "\"v\""), weak) == "304");
    CHECK(status_with("PUT", with("If-None-Match", "*"), none) == "200");
    CHECK(status_with("GET", with("If-None-Match", "\"\""), {}) == "200");
}

TEST_CASE("http conditions: If-Match, strongly") {
    for (const std::string value : {"\"a,b\"", "*", "\"x\", \"a,b\""}) {
        CAPTURE(value);
        CHECK(status_with("PUT", with("If-Match", value)) == "200");
    }
    for (const std::string value : {"W/\"a,b\"", "\"x\"", "a,b", ""}) {
        CAPTURE(value);
        CHECK(status_with("PUT", with("If-Match", value)) == "412");
        CHECK(get_status(with("If-Match", value)) == "412");
    }
    const http::Validators weak{.etag = "W/\"v\""}, none{.exists = false};
    CHECK(status_with("PUT", with("If-Match", "W/\"v\""), weak) == "412");
    CHECK(status_with("PUT", with("If-Match", "*"), weak) == "200");
    CHECK(status_with("PUT", with("If-Match", "*"), none) == "412");
}

TEST_CASE("http conditions: dates") {
    CHECK(get_status(with("If-Modified-Since", kThen)) == "304");
    CHECK(get_status(with("If-Modified-Since", kAfter)) == "304");
    CHECK(get_status(with("If-Modified-Since", kBefore)) == "200");
    CHECK(get_status(with("If-Modified-Since", "yesterday")) == "200");
    CHECK(get_status(with("If-Modified-Since", kThen) + with("If-Modified-Since", kThen)) == "200");
    CHECK(status_with("POST", with("If-Modified-Since", kThen)) == "200");
    CHECK(status_with("PUT", with("If-Unmodified-Since", kThen)) == "200");
    CHECK(status_with("PUT", with("If-Unmodified-Since", kBefore)) == "412");
    CHECK(status_with("PUT", with("If-Unmodified-Since", kBefore), {}) == "200");
}

TEST_CASE("http conditions: tags go before dates, and expectations before both") {
    const std::string knows = with("If-None-Match", "\"a,b\""),
                      other = with("If-None-Match", "\"x\"");
    CHECK(get_status(other + with("If-Modified-Since", kThen)) == "200");
    CHECK(get_status(knows + with("If-Modified-Since", kBefore)) == "304");
    CHECK(get_status(with("If-Match", "\"a,b\"") + with("If-Unmodified-Since", kBefore)) == "200");
    CHECK(get_status(with("If-Match", "\"x\"") + knows) == "412");
    CHECK(get_status(with("If-Match", "\"a,b\"") + knows) == "304");
    CHECK(get_status(with("If-Unmodified-Since", kBefore) + knows) == "412");
    CHECK(get_status(with("If-Unmodified-Since", kThen) + with("If-Modified-Since", kThen)) ==
          "304");
}

TEST_CASE("http dates: three formats, and nothing else") {
    using http::parse_date;
    const auto then = std::chrono::sys_seconds(std::chrono::seconds(784'111'777));
    CHECK(parse_date("Sun, 06 Nov 1994 08:49:37 GMT") == then);
    CHECK(parse_date("Sunday, 06-Nov-94 08:49:37 GMT") == then);
    CHECK(parse_date("Sun Nov  6 08:49:37 1994") == then);
    CHECK(parse_date("Wed Nov 16 08:49:37 1994") == then + std::chrono::days(10));
    CHECK(parse_date("Sunday, 06-Nov-69 08:49:37 GMT") > then);
    CHECK(parse_date("Sunday, 06-Nov-70 08:49:37 GMT") < then);
    CHECK(parse_date("Fri, 31 Dec 1999 23:59:60 GMT") ==
          parse_date("Sat, 01 Jan 2000 00:00:00 GMT"));
    for (const auto text :
         {"", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ",
          "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
          "Xun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 ovD 1994 08:49:37 GMT",
          "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
          "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:00:61 GMT",
          "Sun, 00 Nov 1994 08:00:00 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
          "Sun, -6 Nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_date(text));
    }
    CHECK(http::format_date(then) == "Sun, 06 Nov 1994 08:49:37 GMT");
    for (int i = 0; i < 1'000; ++i) {
        const auto time = then + i * std::chrono::hours(1'001);
        CHECK(parse_date(http::format_date(time)) == time);
    }
}

TEST_CASE("http files: conditions of GET and HEAD") {
    const FileTree tree;
    tree.add("a.txt", "0123456789");
    const auto get = [&](const std::string& fields) {
        return answer_of(tree.server(), request_of("GET /a.txt", fields));
    };
    const std::string etag = value_in(get(""), "ETag");
    const std::string date = value_in(get(""), "Last-Modified");
    CHECK(date == "Sat, 05 Nov 1994 00:00:00 GMT");
    for (const auto& fields : {with("If-None-Match", etag), with("If-Modified-Since", date)}) {
        const std::string kept = get(fields);
        CHECK(status_of(kept) == "304");
        CHECK(value_in(kept, "ETag") == etag);
        CHECK(body_of(kept).empty());
        CHECK_FALSE(has(kept, "Content-"));
    }
    CHECK(status_of(get(with("If-Match", "\"x\""))) == "412");
    CHECK(status_of(get(with("If-None-Match", etag) + "Range: bytes=0-1\r\n")) == "304");
    CHECK(status_of(get(with("If-Match", "\"x\"") + "Range: bytes=0-1\r\n")) == "412");
    tree.add("a.txt", "9876543210", 1);
    CHECK(status_of(get(with("If-None-Match", etag))) == "200");
    CHECK(status_of(get(with("If-Modified-Since", date))) == "200");
    // A change in the future is told as now.
    tree.add("a.txt", "", 1'000'000);
    CHECK(value_in(get(""), "Last-Modified") == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("http files: one range of bytes") {
    const FileTree tree;
    tree.add("a.txt", "0123456789");
    const auto get = [&](const std::string& range) {
        return answer_of(tree.server(), request_of("GET /a.txt", "Range: " + range + "\r\n"));
    };
    struct Row {
        std::string range, content_range, body;
    };
    for (const Row& row :
         {Row{"bytes=0-0", "bytes 0-0/10", "0"}, Row{"bytes=2-4", "bytes 2-4/10", "234"},
          Row{"bytes=7-", "bytes 7-9/10", "789"}, Row{"bytes=8-99", "bytes 8-9/10", "89"},
          Row{"bytes=-3", "bytes 7-9/10", "789"}, Row{"bytes=-99", "bytes 0-9/10", "0123456789"},
          Row{"Bytes=1-99999999999999999999999", "bytes 1-9/10", "123456789"}}) {
        CAPTURE(row.range);
        const std::string answer = get(row.range);
        CHECK(status_of(answer) == "206");
        CHECK(value_in(answer, "Content-Range") == row.content_range);
        CHECK(value_in(answer, "Content-Length") == std::to_string(row.body.size()));
        CHECK(body_of(answer) == row.body);
    }
    for (const std::string range : {"bytes=10-", "bytes=10-10", "bytes=-0",
                                    "bytes=99999999999999999999999-", "bytes=11-12"}) {
        CAPTURE(range);
        const std::string answer = get(range);
        CHECK(status_of(answer) == "416");
        CHECK(value_in(answer, "Content-Range") == "bytes */10");
    }
    for (const std::string range :
         {"bytes=0-1,3-4", "bytes=2-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=+1-2",
          "bytes=1-2-3", "bytes=1 -2", "bytes 1-2", "lines=1-2", "bytes=0x1-2", "bytes=--1"}) {
        CAPTURE(range);
        const std::string answer = get(range);
        CHECK(status_of(answer) == "200");
        CHECK(body_of(answer) == "0123456789");
    }
    CHECK(status_of(get("bytes=0-1\r\nRange: bytes=2-3")) == "200");
    const std::string head =
        answer_of(tree.server(), request_of("HEAD /a.txt", "Range: bytes=0-1\r\n"));
    CHECK(status_of(head) == "200");
    CHECK(value_in(head, "Content-Length") == "10");
    tree.add("a.txt", "");
    CHECK(status_of(get("bytes=0-")) == "416");
    CHECK(status_of(get("bytes=-1")) == "200");
}

TEST_CASE("http files: If-Range") {
    const FileTree tree;
    tree.add("a.txt", "0123456789");
    const auto get = [&](const std::string& fields) {
        return status_of(
            answer_of(tree.server(), request_of("GET /a.txt", "Range: bytes=0-1\r\n" + fields)));
    };
    const std::string etag = value_in(answer_of(tree.server(), request_of("GET /a.txt")), "ETag");
    CHECK(get(with("If-Range", etag)) == "206");
    CHECK(get(with("If-Range", "Sat, 05 Nov 1994 00:00:00 GMT")) == "206");
    for (const std::string& value :
         {"W/" + etag, std::string("\"x\""), std::string("*"), etag + ", \"x\"", std::string(),
          std::string("Sat, 05 Nov 1994 00:00:01 GMT"),
          std::string("Fri, 04 Nov 1994 00:00:00 GMT")}) {
        CAPTURE(value);
        CHECK(get(with("If-Range", value)) == "200");
    }
    CHECK(get(with("If-Range", etag) + with("If-Range", etag)) == "200");
    CHECK(get(with("If-Range", "\"x\"") + "Range: bytes=99-\r\n") == "200");
}
