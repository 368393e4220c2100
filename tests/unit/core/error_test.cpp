#include <doctest/doctest.h>

#include <set>
#include <switchboard/error.hpp>

using switchboard::errc;

TEST_CASE("errc: the numbers do not change, since plugins contain them") {
    CHECK(static_cast<int>(errc::handler_failed) == 1);
    CHECK(static_cast<int>(errc::write_stalled) == 8);
    CHECK(static_cast<int>(errc::malformed_message) == 14);
    CHECK(static_cast<int>(errc::bad_option) == 17);
    CHECK(static_cast<int>(errc::errors_left_out) == 23);
    CHECK(static_cast<int>(errc::end_of_input) == 24);
    CHECK(static_cast<int>(errc::plugin_refused) == 25);
}

TEST_CASE("errc: each number has a message of its own, and others have none") {
    const auto message = [](int number) { return switchboard::category().message(number); };
    const std::string none = message(0);
    std::set<std::string> all;
    for (int number = 1; number <= static_cast<int>(errc::plugin_refused); ++number)
        all.insert(message(number));
    CHECK(all.size() == static_cast<std::size_t>(errc::plugin_refused));
    CHECK_FALSE(all.contains(none));
    CHECK(message(static_cast<int>(errc::plugin_refused) + 1) == none);
}
