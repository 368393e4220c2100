// A throttled connection as its driver sees it: its memory, also when none is left, and its end.
#include <doctest/doctest.h>

#include <throttle_ends.hpp>

#include "stream/protocol_runner_driver.hpp"

using namespace switchboard;

namespace {

std::unique_ptr<Protocol> writer() {
    return test::slowed(callbacks([] {
                            return Callbacks{.on_open = [](Connection& c) {
                                CHECK(c.write(std::string(1'000, 'x')));
                                c.write(std::string(50'000, 'y'));
                            }};
                        }),
                        {.out_per_second = 100'000})();
}

}  // namespace

TEST_CASE("throttle: what waits is in the memory of the driver") {
    Driver driver(writer());
    driver.slot.open(driver);
    CHECK(driver.written.size() == 10'000);
    CHECK(driver.kept.lent >= 41'000);
    driver.slot.close({});
    CHECK(driver.kept.lent == 0);
}

TEST_CASE("throttle: without memory for output the connection ends, and nothing throws") {
    std::error_code reason;
    const auto handler = test::slowed(
        callbacks([&] {
            return Callbacks{
                .on_open = [](Connection& c) { CHECK_FALSE(c.write(std::string(1'000, 'x'))); },
                .on_close = [&](std::error_code why) { reason = why; }};
        }),
        {.out_per_second = 100'000});
    Driver poor(handler());
    poor.kept.empty = true;
    poor.slot.open(poor);
    CHECK(poor.aborted == std::errc::not_enough_memory);
    CHECK(poor.written.empty());
    poor.slot.close(poor.aborted);
    CHECK(reason == std::errc::not_enough_memory);
}

TEST_CASE("throttle: the driver is told when a handler ends before its input does") {
    for (const bool closes : {false, true}) {
        Driver driver(test::slowed(callbacks([closes] {
                                       return Callbacks{
                                           .on_data = [closes](Connection& c, MutableBytes in) {
                                               if (closes) c.close();
                                               return closes ? std::size_t{5} : in.size();
                                           }};
                                   }),
                                   {.in_per_second = 1'000})());
        driver.slot.open(driver);
        driver.arrive("line\nrest");
        CHECK(driver.slot.ended() == closes);
        CHECK(driver.slot.input_discarded() == closes);
    }
}

TEST_CASE("throttle: once the handler pauses, the rest of its input stays with the driver") {
    Driver driver(test::slowed(callbacks([] {
                                   return Callbacks{.on_data = [](Connection& c, MutableBytes) {
                                       c.pause_reading();
                                       return std::size_t{10};
                                   }};
                               }),
                               {.all_in_per_second = 20'000})());
    driver.slot.open(driver);
    driver.arrive(std::string(2'000, 'x'));
    CHECK(driver.slot.unread() == 1'000);
    CHECK(driver.slot.held());
}
