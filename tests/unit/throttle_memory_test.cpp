// What waits in a throttled connection lies in the memory of its driver, and there may be none.
#include <doctest/doctest.h>

#include <throttle_ends.hpp>

#include "slot_driver.hpp"

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

TEST_CASE("throttle: what waits lies in the memory of the driver") {
    Driver driver(writer());
    driver.slot.open(driver);
    CHECK(driver.written.size() == 10'000);
    CHECK(driver.kept.lent >= 41'000);
    driver.slot.close({});
    CHECK(driver.kept.lent == 0);
}

TEST_CASE("throttle: without memory for what is written the connection ends, and nothing throws") {
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
