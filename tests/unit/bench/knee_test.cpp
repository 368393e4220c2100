#include <doctest/doctest.h>

#include <cmath>
#include <compare/knee_search.hpp>

using namespace switchboard::bench;

namespace {

// Simulates a server that keeps its objective up to `limit`.
std::function<std::optional<Probe>(double)> holds_up_to(double limit) {
    return [limit](double rate) {
        return Probe{.rate = rate, .reached = rate, .holds = rate <= limit};
    };
}

}  // namespace

TEST_CASE("bench knee: found to the requested precision, in as few probes as bisection takes") {
    for (const double limit : {1.0, 17.0, 333.0, 500.0, 999.0}) {
        CAPTURE(limit);
        const Knee knee = find_knee(1'000, 0.01, holds_up_to(limit));
        CHECK(knee.rate <= limit);
        CHECK(limit - knee.rate <= 10);
        CHECK(knee.probes.size() <= 8);
        CHECK(knee.probes.front().rate == 1'000);
        CHECK_FALSE(knee.is_at_ceiling());
    }
}

TEST_CASE("bench knee: at the ceiling it is not found, and if no rate holds it is 0") {
    const Knee all = find_knee(1'000, 0.01, holds_up_to(2'000));
    CHECK(all.rate == 1'000);
    CHECK(all.is_at_ceiling());
    CHECK(all.why_not_found == "even the rate of its closed loop meets the objective");
    CHECK(all.probes.size() == 1);
    CHECK(find_knee(1'000, 0.01, holds_up_to(0)).rate == 0);
}

TEST_CASE("bench knee: a probe without a result is not a limit of the server") {
    const auto told_up_to = [](double generator, double server) {
        return find_knee(1'000, 0.01, [=](double rate) {
            if (rate > generator) return Probe{.rate = rate, .holds = {}, .why = "generator"};
            return Probe{.rate = rate, .holds = rate <= server};
        });
    };
    const Knee above = told_up_to(600, 800);
    CHECK(above.why_not_found == "generator");
    CHECK(above.rate == doctest::Approx(600).epsilon(0.02));
    CHECK_FALSE(above.is_at_ceiling());
    const Knee below = told_up_to(600, 300);
    CHECK(below.why_not_found.empty());
    CHECK(below.rate == doctest::Approx(300).epsilon(0.04));
}

namespace {

// The result of `probe` for a sequence of windows, and how many of them it used.
struct Repeated {
    std::optional<Probe> probe;
    std::size_t took = 0;
};
Repeated repeat(const std::vector<Window>& windows) {
    Repeated repeated;
    repeated.probe = repeat_probe(0.05, [&]() -> std::optional<Window> {
        if (repeated.took == windows.size()) return std::nullopt;
        return windows[repeated.took++];
    });
    return repeated;
}

const Window kHolds{Probe{.reached = 1, .holds = true}, 0.05};
const Window kBreaks{Probe{.reached = 2, .holds = false, .why = "3 ms"}, 0.0};
const Window kNoisy{Probe{.reached = 3, .holds = false, .why = "9 ms"}, 0.06};

}  // namespace

TEST_CASE("bench knee: two windows must agree on a rate") {
    for (const std::vector<Window>& windows :
         {std::vector{kHolds, kHolds, kBreaks}, std::vector{kHolds, kBreaks, kHolds},
          std::vector{kBreaks, kHolds, kHolds}}) {
        const Repeated repeated = repeat(windows);
        REQUIRE(repeated.probe);
        CHECK(repeated.probe->holds == true);
        CHECK(repeated.took == (windows[0].probe.holds == windows[1].probe.holds ? 2 : 3));
    }
    const Repeated broken = repeat({kBreaks, kHolds, kBreaks, kHolds});
    REQUIRE(broken.probe);
    CHECK(broken.probe->holds == false);
    CHECK(broken.probe->why == "3 ms");
    CHECK(broken.took == 3);
}

TEST_CASE("bench knee: a disturbed window is measured again, at most four times") {
    const Repeated once = repeat({kNoisy, kHolds, kNoisy, kHolds});
    REQUIRE(once.probe);
    CHECK(once.probe->holds == true);
    CHECK(once.took == 4);
    const Repeated always = repeat(std::vector<Window>(9, kNoisy));
    REQUIRE(always.probe);
    CHECK_FALSE(always.probe->holds.has_value());
    CHECK(always.probe->why == "other processes used 6.0% of the CPUs in each of several windows");
    CHECK(always.took == 5);
    // A window with unknown noise counts as undisturbed.
    const Window unknown{kHolds.probe, std::nullopt};
    CHECK(repeat({unknown, unknown}).took == 2);
}

TEST_CASE(
    "bench knee: a probe that cannot be judged is not repeated, and an interrupted one has no "
    "result") {
    const Window unclear{Probe{.holds = {}, .why = "limited by the generator"}, 0.0};
    const Repeated repeated = repeat({kHolds, unclear, kHolds});
    REQUIRE(repeated.probe);
    CHECK(repeated.probe->why == "limited by the generator");
    CHECK(repeated.took == 2);
    CHECK_FALSE(repeat({kHolds}).probe);
}

TEST_CASE("bench knee: an interrupted search returns the best rate so far") {
    int left = 3;
    const Knee knee = find_knee(1'000, 0.001, [&](double rate) -> std::optional<Probe> {
        if (left-- == 0) return std::nullopt;
        return Probe{.rate = rate, .holds = rate <= 600};
    });
    CHECK(knee.probes.size() == 3);
    CHECK(knee.rate == 500);
}

TEST_CASE("bench slo: percentile and time") {
    const auto slo = parse_slo("p99.9<250ms");
    REQUIRE(slo.has_value());
    CHECK(slo->percent == 99.9);
    CHECK(slo->seconds == 0.25);
    CHECK(slo->text == "p99.9<250ms");
    CHECK(parse_slo("max<1s")->percent == 100);
    CHECK(parse_slo("p50<80.5us")->seconds == doctest::Approx(80.5e-6));
    for (const std::string text : {"", "p99", "p99<", "<2ms", "p0<2ms", "p100<2ms", "p<1s",
                                   "q99<2ms", "p99>2ms", "p99<fast", "p99<0ms", "p99x<2ms"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_slo(text).has_value());
    }
}

TEST_CASE("bench knee: how one window is judged by the objective") {
    const Slo slo = *parse_slo("p99<2ms");
    CellRun measured;
    measured.figures.answered = 100;
    measured.figures.exchanges = 1'000;
    measured.figures.seconds = 1;
    measured.figures.due = 1'000;
    measured.latency.record(1'000'000, 1'000);
    CHECK(evaluate_probe(slo, 1'000, 100, measured).holds == true);
    CHECK(evaluate_probe(slo, 1'000, 100, measured).latency ==
          doctest::Approx(1e-3).epsilon(0.001));
    const Slo rare = *parse_slo("p99.99<2ms");
    CHECK_FALSE(evaluate_probe(rare, 1'000, 100, measured).holds.has_value());
    CHECK(evaluate_probe(rare, 1'000, 100, measured).why == "too few replies for p99.99<2ms");
    measured.figures.due = 1'100;
    CHECK(evaluate_probe(slo, 1'100, 100, measured).why == "rate not reached: 1,000");
    measured.figures.seconds = 0.5;
    measured.figures.generator_cpu = 0.48;  // 96% busy
    CHECK(evaluate_probe(slo, 1'100, 100, measured).why == "limited by the generator");
    CHECK_FALSE(evaluate_probe(slo, 1'100, 100, measured).holds.has_value());
    measured.figures.seconds = 1;  // 48%
    CHECK(evaluate_probe(slo, 1'100, 100, measured).why == "rate not reached: 1,000");
    measured.figures.generator_cpu = 0;
    measured.figures.due = 1'000;
    measured.latency.record(3'000'000, 20);
    CHECK(evaluate_probe(slo, 1'000, 100, measured).why.ends_with(" at p99<2ms"));
    CHECK(evaluate_probe(*parse_slo("p50<2ms"), 1'000, 100, measured).holds == true);
    measured.figures.unanswered = 3;
    CHECK(evaluate_probe(*parse_slo("p50<2ms"), 1'000, 100, measured).why ==
          "3 requests never answered");
    measured.figures.answered = 99;
    CHECK(evaluate_probe(*parse_slo("p50<2ms"), 1'000, 100, measured).why == "serves 99 of 100");
    measured.figures.failed = 2;
    CHECK(evaluate_probe(*parse_slo("p50<2ms"), 1'000, 100, measured).why ==
          "2 connections failed");
    measured.figures.exchanges = 0;  // no connection succeeded, so there was no window
    measured.figures.seconds = 0;
    CHECK(evaluate_probe(slo, 1'000, 100, measured).reached == 0);
    measured.figures.problem = "it died";
    CHECK(evaluate_probe(slo, 1'000, 100, measured).why == "it died");
}
