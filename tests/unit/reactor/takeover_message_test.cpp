#include "group/takeover_message.hpp"

#include <doctest/doctest.h>
#include <ostream>

using namespace switchboard;

namespace {

// Returns the names in quotes, "more" if the message is incomplete, or the error.
std::string answer(std::string_view text, std::size_t descriptors) {
    const auto names = detail::parse_takeover(text, descriptors);
    if (!names) {
        CHECK(names.error() == errc::malformed_message);
        return names.error().context();
    }
    if (!*names) return "more";
    std::string all;
    for (const std::string& name : **names) all += "'" + name + "'";
    return all;
}

std::string greeting(std::string_view count) {
    return "switchboard-takeover 1 " + std::string(count) + "\n";
}

}  // namespace

TEST_CASE("takeover message: a message parses to its names, and each prefix is incomplete") {
    for (const std::vector<std::string>& names : {std::vector<std::string>{},
                                                  {""},
                                                  {"tcp://127.0.0.1:80", "", "two words"},
                                                  std::vector<std::string>(250, "x"),
                                                  {std::string(4'000, 'x'), "\xc3\xa9"}}) {
        const std::string text = detail::make_takeover(names);
        std::string all = "''";
        for (const std::string& name : names) all += "'" + name + "'";
        CHECK(answer(text, names.size() + 1) == all);
        for (std::size_t size = 0; size < text.size(); ++size)
            REQUIRE(answer(text.substr(0, size), names.size() + 1) == "more");
    }
}

TEST_CASE("takeover message: a malformed message is reported as early as possible") {
    const std::string none = "it does not offer sockets";
    CHECK(answer("HTTP/1.1 400 Bad Request", 0) == none);
    CHECK(answer("s2", 1) == none);
    CHECK(answer("switchboard-takeover 2 1\n\n", 1) == none);
    for (const std::string count : {"0", "00", "01", "252", "-1", "+1", "1 ", " 1", "x", "",
                                    "99999999999999999999999", "1\r"}) {
        CAPTURE(count);
        CHECK(answer(greeting(count), 1) == "its number of sockets is not from 1 to 251");
    }
    CHECK(answer("switchboard-takeover 1 1x", 1) == "its number of sockets is not from 1 to 251");
    CHECK(answer(greeting("2"), 1) == "it announces 2 sockets but passes 1");
    CHECK(answer(greeting("1") + "\n", 0) == "it announces 1 sockets but passes 0");
    CHECK(answer(greeting("1"), 3) == "it announces 1 sockets but passes 3");
    CHECK(answer("s", 252) == "it passes more than 251 sockets");
    CHECK(answer(greeting("1") + "x", 1) == "socket 0 has an invalid name");
    CHECK(answer(greeting("2") + "\none\r\n", 2) == "socket 1 has an invalid name");
    CHECK(answer(greeting("2") + "\n\x1b[2J", 2) == "socket 1 has an invalid name");
    CHECK(answer(greeting("2") + "\n" + std::string(4'001, 'x'), 2) ==
          "socket 1 has an invalid name");
    CHECK(answer(greeting("1") + "\nx", 1) == "bytes follow the last name");
}
