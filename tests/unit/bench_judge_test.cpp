#include <doctest/doctest.h>

#include <judge.hpp>
#include <server.hpp>

using namespace switchboard::bench;

namespace {

// Five rounds in which 100 connections were served, with 10,000 exchanges in a second.
CellRounds whole_cell() {
    Measurement m;
    m.connected = m.answered = m.served = 100;
    m.exchanges = 10'000;
    m.seconds = 1;
    m.server_cpu = {0.6, 0.2, 0.6};
    m.generator_cpu = 0.7;
    m.noise = 0;
    return {{"reactor", 64, 100}, std::vector<Measurement>(5, m)};
}

std::string notes(const CellRounds& cell) {
    return notes_of(why_invalid(cell));
}

std::vector<Reason> reasons(const CellRounds& cell) {
    std::vector<Reason> found;
    for (const Invalid& invalid : why_invalid(cell)) found.push_back(invalid.reason);
    return found;
}

void fail(Measurement& round, Failure kind, std::size_t count) {
    round.failed += count;
    round.failures[static_cast<std::size_t>(kind)] += count;
}

}  // namespace

TEST_CASE("bench judge: a whole cell is valid") {
    CHECK(why_invalid(whole_cell()).empty());
    CHECK(notes(whole_cell()).empty());
}

TEST_CASE("bench judge: one failed connection in one round is enough, and kinds are told apart") {
    CellRounds cell = whole_cell();
    fail(cell.rounds[3], Failure::reset, 1);
    CHECK(reasons(cell) == std::vector{Reason::errors});
    CHECK(notes(cell) == "1 reset");
    fail(cell.rounds[0], Failure::refused, 2);
    fail(cell.rounds[1], Failure::refused, 10);
    fail(cell.rounds[4], Failure::other, 1);
    cell.rounds[4].first_failure = "connect: no buffer space";
    CHECK(notes(cell) == "12 refused, 1 reset, 1 failed: connect: no buffer space");
}

TEST_CASE(
    "bench judge: a connection that was served no more in the window's second half is enough") {
    CellRounds cell = whole_cell();
    cell.rounds[2].stuck = 50;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "50 of 100 without a reply in the window's second half");
}

TEST_CASE("bench judge: a connection without a reply in the window is enough") {
    CellRounds cell = whole_cell();
    cell.rounds[2].served = 40;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "replies to 40-100 of 100 within the window");
    cell.rounds[2].answered = 40;
    CHECK(notes(cell) == "serves 40-100 of 100");
}

TEST_CASE("bench judge: a saturated generator, while the server has something left") {
    CellRounds cell = whole_cell();
    for (auto& round : cell.rounds) round.generator_cpu = 0.91;
    CHECK(reasons(cell) == std::vector{Reason::generator_saturated});
    CHECK(notes(cell) == "limited by the generator: its CPU 91% busy, the server's 60%");
    for (auto& round : cell.rounds) round.server_cpu.total = 0.901;
    CHECK(why_invalid(cell).empty());
    for (auto& round : cell.rounds) round.server_cpu.total = 0.9;
    CHECK(reasons(cell) == std::vector{Reason::generator_saturated});
    for (auto& round : cell.rounds) round.generator_cpu = 0.9;
    CHECK(why_invalid(cell).empty());
    for (int i = 0; i < 2; ++i) cell.rounds[std::size_t(i)].generator_cpu = 0.99;
    CHECK(why_invalid(cell).empty());  // not the median round
}

TEST_CASE("bench judge: how busy both were is a share of the window, however long it was") {
    CellRounds cell = whole_cell();
    for (Measurement& round : cell.rounds) {
        round.seconds = 2;
        round.generator_cpu = 1.9;
        round.server_cpu.total = 1;
    }
    CHECK(reasons(cell) == std::vector{Reason::generator_saturated});
    CHECK(notes(cell) == "limited by the generator: its CPU 95% busy, the server's 50%");
    for (Measurement& round : cell.rounds) round.generator_cpu = 1;
    CHECK(why_invalid(cell).empty());
}

TEST_CASE("bench judge: a rate that was asked for is reached to 1%") {
    CellRounds cell = whole_cell();
    const auto due = [&](std::uint64_t requests) {
        for (auto& round : cell.rounds) {
            round.asked_rate = 10'000;
            round.due = requests;
        }
    };
    const std::uint64_t done = cell.rounds[0].exchanges;
    due(done * 101 / 100);
    CHECK(why_invalid(cell).empty());
    due(done * 103 / 100);
    CHECK(reasons(cell) == std::vector{Reason::rate_not_reached});
    CHECK(notes(cell) == "reached 97.1% of the rate");
    due(done * 2);
    CHECK(notes(cell) == "reached 50.0% of the rate");
    due(done / 2);
    CHECK(why_invalid(cell).empty());
}

TEST_CASE("bench judge: a server that could use two CPUs has more to give when it uses one") {
    CellRounds cell = whole_cell();
    for (Measurement& round : cell.rounds) {
        round.generator_cpu = 0.95;
        round.server_cpu.total = 1.2;
    }
    CHECK(why_invalid(cell).empty());
    for (Measurement& round : cell.rounds) round.server_cpus = 2;
    CHECK(notes(cell) == "limited by the generator: its CPU 95% busy, the server's 60%");
    const auto most_cpus = [](const char* name) {
        return find_server_kind(name)->most_cpus(100, 4);
    };
    CHECK(most_cpus("reactor") == 1);
    CHECK(most_cpus("reactor-x2") == 2);
    CHECK(most_cpus("iterative") == 1);
    CHECK(most_cpus("threads") == 100);
    CHECK(most_cpus("process-pool") == 4);
    CHECK(most_cpus("bare-epoll") == 1);
}

TEST_CASE(
    "bench judge: a round without a whole exchange has no figure, and is not valid for that") {
    CellRounds cell = whole_cell();
    cell.rounds[1].exchanges = 0;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "no exchange came to its end in 1 of 5 rounds");
}

TEST_CASE(
    "bench judge: an open loop's round in which nothing came back in the window is not left out") {
    CellRounds cell = whole_cell();
    for (Measurement& round : cell.rounds) {
        round.asked_rate = 10'000;
        round.due = round.exchanges;
    }
    CHECK(why_invalid(cell).empty());
    for (const std::size_t round : {0U, 3U}) {
        cell.rounds[round].exchanges = 0;
        cell.rounds[round].served = 0;
    }
    CHECK(notes(cell) == "no exchange came to its end in 2 of 5 rounds");
    cell.rounds[1].exchanges = 0;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served, Reason::rate_not_reached});
    CHECK(notes(cell).ends_with("; reached 0.0% of the rate"));
}

TEST_CASE("bench judge: what the system does not tell is no noise") {
    CellRounds cell = whole_cell();
    for (Measurement& round : cell.rounds) round.noise.reset();
    CHECK(why_invalid(cell).empty());
}

TEST_CASE("bench judge: noise counts when the median round is noisy, by the limit given") {
    CellRounds cell = whole_cell();
    cell.rounds[0].noise = cell.rounds[1].noise = 0.5;
    CHECK(why_invalid(cell).empty());
    cell.rounds[4].noise = 0.12;
    CHECK(reasons(cell) == std::vector{Reason::noise});
    CHECK(notes(cell) == "others used 12.0% of the CPUs; 3 of 5 rounds were noisy");
    CHECK(why_invalid(cell, 0.12).empty());
    CHECK(notes_of(why_invalid(cell, 0.119)) ==
          "others used 12.0% of the CPUs; 3 of 5 rounds were noisy");
}

TEST_CASE("bench judge: all reasons are told") {
    CellRounds cell = whole_cell();
    for (auto& round : cell.rounds) {
        round.served = round.answered = 4;
        round.noise = 0.2;
        round.generator_cpu = 0.95;
        round.asked_rate = 50'000;
        round.due = 50'000;
    }
    fail(cell.rounds[0], Failure::timed_out, 96);
    CHECK(reasons(cell) == std::vector{Reason::not_all_served, Reason::errors,
                                       Reason::generator_saturated, Reason::rate_not_reached,
                                       Reason::noise});
}

TEST_CASE("bench judge: what was not run, did not start or served nobody") {
    CellRounds cell = whole_cell();
    cell.rounds[1].problem = "start /x/switchboard: ended with exit status 1: address in use";
    CHECK(reasons(cell) == std::vector{Reason::not_measured});
    CHECK(notes(cell) == cell.rounds[1].problem);
    cell.rounds.clear();
    CHECK(reasons(cell) == std::vector{Reason::not_run});
    cell.rounds = {Measurement{}};
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "serves 0 of 100");
}

TEST_CASE("bench judge: of an open loop not each connection need have its turn") {
    CellRounds cell = whole_cell();
    for (auto& round : cell.rounds) {
        round.served = 1;
        round.asked_rate = 10;
        round.due = round.exchanges;
    }
    CHECK(why_invalid(cell).empty());
    cell.rounds[0].answered = 1;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
}

TEST_CASE("bench judge: one request that is never answered is no matter of percentages") {
    CellRounds cell = whole_cell();
    for (auto& round : cell.rounds) {
        round.asked_rate = 10;
        round.due = round.exchanges;
    }
    CHECK(why_invalid(cell).empty());
    cell.rounds[1].unanswered = 1;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "1 requests never answered");
}

TEST_CASE("bench judge: what was due is reached but for 1% and two at the edges") {
    CHECK(reaches_rate(98, 101));
    CHECK_FALSE(reaches_rate(97, 101));
    CHECK(reaches_rate(9'900 - 2, 10'000));
    CHECK_FALSE(reaches_rate(9'900 - 3, 10'000));
    CHECK(reaches_rate(0, 0));
}
