#include <doctest/doctest.h>

#include <uv.h>
#include <load/arrivals.hpp>

using namespace switchboard;
using namespace switchboard::bench;
using namespace std::chrono_literals;

namespace {

struct Loop {
    Loop() { REQUIRE(uv_loop_init(&uv) == 0); }
    ~Loop() {
        uv_run(&uv, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&uv) == 0);
    }
    uv_loop_t uv{};
};

struct Paced {
    std::uint64_t count = 0;
    std::chrono::duration<double> lasted{};
    bool in_order = true, early = false;
};

Paced pace(double rate, Arrivals arrivals, std::chrono::milliseconds length) {
    Paced paced;
    Loop loop;
    const auto began = Clock::now();
    Clock::time_point last = began, now = began;
    auto pacer = Pacer::make(&loop.uv, Schedule(rate, arrivals), [&](Clock::time_point due) {
        now = Clock::now();
        ++paced.count;
        paced.in_order = paced.in_order && due > last;
        paced.early = paced.early || due > now;
        last = due;
    });
    REQUIRE(pacer.has_value());
    (*pacer)->start();
    while (now - began < length) uv_run(&loop.uv, UV_RUN_ONCE);
    (*pacer)->stop();
    CHECK((*pacer)->lateness().count() == paced.count);
    paced.lasted = now - began;
    return paced;
}

}  // namespace

TEST_CASE("bench pacer: holds its rate to 1% up to 50,000 a second") {
    for (const double rate : {100.0, 5'000.0, 50'000.0}) {
        CAPTURE(rate);
        const Paced paced = pace(rate, Arrivals::constant, 1'000ms);
        const double reached = static_cast<double>(paced.count) / paced.lasted.count();
        CHECK(reached > 0.99 * rate - 1);
        CHECK(reached < 1.01 * rate + 1);
        CHECK(paced.in_order);
        CHECK_FALSE(paced.early);
    }
}

TEST_CASE("bench pacer: Poisson arrivals come in order, and none is early") {
    const Paced paced = pace(20'000, Arrivals::poisson, 500ms);
    CHECK(paced.count > 9'000);
    CHECK(paced.count < 11'000);
    CHECK(paced.in_order);
    CHECK_FALSE(paced.early);
}

TEST_CASE("bench pacer: after stop there are no more arrivals") {
    Loop loop;
    int count = 0;
    auto pacer = Pacer::make(&loop.uv, Schedule(1'000, Arrivals::constant),
                             [&](Clock::time_point) { ++count; });
    REQUIRE(pacer.has_value());
    (*pacer)->start();
    while (count == 0) uv_run(&loop.uv, UV_RUN_ONCE);
    (*pacer)->stop();
    const int told = count;
    CHECK(uv_run(&loop.uv, UV_RUN_DEFAULT) == 0);  // nothing is left to wait for
    CHECK(count == told);
}

TEST_CASE("bench pacer: arrivals that are due before the end are reported, even if late") {
    Loop loop;
    std::uint64_t count = 0;
    auto pacer = Pacer::make(&loop.uv, Schedule(100'000, Arrivals::constant),
                             [&](Clock::time_point) { ++count; });
    REQUIRE(pacer.has_value());
    const auto began = Clock::now();
    (*pacer)->start();
    while (Clock::now() - began < 20ms) {
    }
    (*pacer)->fire_until(began + 15ms);  // the loop did not run meanwhile
    CHECK(count >= 1'490);
    CHECK(count <= 1'500);
    CHECK((*pacer)->lateness().max() > 1'000'000);
}
