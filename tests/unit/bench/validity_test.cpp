#include <doctest/doctest.h>

#include <compare/validity.hpp>
#include <system/server_process.hpp>

using namespace switchboard::bench;

namespace {

// Returns five rounds with 100 served connections and 10,000 exchanges in a second.
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

std::string doubts(const CellRounds& cell) {
    return notes_of(why_doubtful(cell));
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

TEST_CASE("bench validity: a whole cell is valid") {
    CHECK(why_invalid(whole_cell()).empty());
    CHECK(notes(whole_cell()).empty());
}

TEST_CASE(
    "bench validity: one failed connection in one round is enough, and kinds are told apart") {
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

TEST_CASE("bench validity: one connection without replies in the window's second half is enough") {
    CellRounds cell = whole_cell();
    cell.rounds[2].starved = 50;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "50 of 100 connections had no reply in the second half of the window");
}

TEST_CASE("bench validity: a connection without a reply in the window is enough") {
    CellRounds cell = whole_cell();
    cell.rounds[2].served = 40;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "replies to 40-100 of 100 within the window");
    cell.rounds[2].answered = 40;
    CHECK(notes(cell) == "serves 40-100 of 100");
}

TEST_CASE("bench validity: a saturated generator, while the server has spare CPU") {
    CellRounds cell = whole_cell();
    for (auto& round : cell.rounds) round.generator_cpu = 0.91;
    CHECK(why_doubtful(cell).size() == 1);
    CHECK(doubts(cell) == "limited by the generator: its CPU was 91% busy, the server's 60%");
    for (auto& round : cell.rounds) round.server_cpu.total = 0.901;
    CHECK(why_doubtful(cell).empty());
    for (auto& round : cell.rounds) round.server_cpu.total = 0.9;
    CHECK(why_doubtful(cell).size() == 1);
    for (auto& round : cell.rounds) round.generator_cpu = 0.9;
    CHECK(why_doubtful(cell).empty());
    for (int i = 0; i < 2; ++i) cell.rounds[std::size_t(i)].generator_cpu = 0.99;
    CHECK(why_doubtful(cell).empty());  // the median round is not affected
}

TEST_CASE("bench validity: CPU use is a share of the window, whatever its length") {
    CellRounds cell = whole_cell();
    for (Measurement& round : cell.rounds) {
        round.seconds = 2;
        round.generator_cpu = 1.9;
        round.server_cpu.total = 1;
    }
    CHECK(why_doubtful(cell).size() == 1);
    CHECK(doubts(cell) == "limited by the generator: its CPU was 95% busy, the server's 50%");
    for (Measurement& round : cell.rounds) round.generator_cpu = 1;
    CHECK(why_invalid(cell).empty());
}

TEST_CASE("bench validity: a requested rate must be reached to 1%") {
    CellRounds cell = whole_cell();
    const auto due = [&](std::uint64_t requests) {
        for (auto& round : cell.rounds) {
            round.offered_rate = 10'000;
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

TEST_CASE("bench validity: a server that can use two CPUs has spare CPU when it uses one") {
    CellRounds cell = whole_cell();
    for (Measurement& round : cell.rounds) {
        round.generator_cpu = 0.95;
        round.server_cpu.total = 1.2;
    }
    CHECK(why_invalid(cell).empty());
    for (Measurement& round : cell.rounds) round.server_cpus = 2;
    CHECK(doubts(cell) == "limited by the generator: its CPU was 95% busy, the server's 60%");
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

TEST_CASE("bench validity: a round without a complete exchange makes the cell invalid") {
    CellRounds cell = whole_cell();
    cell.rounds[1].exchanges = 0;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "no exchange was completed in 1 of 5 rounds");
}

TEST_CASE("bench validity: a round of an open loop without replies in the window is not left out") {
    CellRounds cell = whole_cell();
    for (Measurement& round : cell.rounds) {
        round.offered_rate = 10'000;
        round.due = round.exchanges;
    }
    CHECK(why_invalid(cell).empty());
    for (const std::size_t round : {0U, 3U}) {
        cell.rounds[round].exchanges = 0;
        cell.rounds[round].served = 0;
    }
    CHECK(notes(cell) == "no exchange was completed in 2 of 5 rounds");
    cell.rounds[1].exchanges = 0;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served, Reason::rate_not_reached});
    CHECK(notes(cell).ends_with("; reached 0.0% of the rate"));
}

TEST_CASE("bench validity: unknown noise is not noise") {
    CellRounds cell = whole_cell();
    for (Measurement& round : cell.rounds) round.noise.reset();
    CHECK(why_doubtful(cell).empty());
}

TEST_CASE("bench validity: a noisy median round makes a cell doubtful, by the given limit") {
    CellRounds cell = whole_cell();
    cell.rounds[0].noise = cell.rounds[1].noise = 0.5;
    CHECK(why_doubtful(cell).empty());
    cell.rounds[4].noise = 0.12;
    CHECK(why_invalid(cell).empty());
    CHECK(doubts(cell) == "other processes used 12.0% of the CPUs; 3 of 5 rounds were noisy");
    CHECK(why_doubtful(cell).front().reason == Reason::noise);
    CHECK(why_doubtful(cell, 0.12).empty());
    CHECK_FALSE(why_doubtful(cell, 0.119).empty());
}

TEST_CASE("bench validity: all reasons are reported, and doubts apart from them") {
    CellRounds cell = whole_cell();
    for (auto& round : cell.rounds) {
        round.served = round.answered = 4;
        round.noise = 0.2;
        round.generator_cpu = 0.95;
        round.offered_rate = 50'000;
        round.due = 50'000;
    }
    fail(cell.rounds[0], Failure::timed_out, 96);
    CHECK(reasons(cell) ==
          std::vector{Reason::not_all_served, Reason::errors, Reason::rate_not_reached});
    CHECK(doubts(cell) ==
          "limited by the generator: its CPU was 95% busy, the server's 60%; "
          "other processes used 20.0% of the CPUs; 5 of 5 rounds were noisy");
}

TEST_CASE("bench validity: with unknown CPU time of the server, the doubt says perhaps") {
    CellRounds cell = whole_cell();
    for (Measurement& round : cell.rounds) {
        round.generator_cpu = 0.95;
        round.server_cpu = {};
    }
    CHECK(doubts(cell) ==
          "perhaps limited by the generator: its CPU was 95% busy, the server's is unknown");
}

TEST_CASE("bench validity: unanswered requests of a closed loop are reported") {
    CellRounds cell = whole_cell();
    cell.rounds[3].unanswered = 20;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "20 requests never answered");
}

TEST_CASE("bench validity: cells that did not run, did not start or served no connection") {
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

TEST_CASE("bench validity: in an open loop not every connection needs a reply in the window") {
    CellRounds cell = whole_cell();
    for (auto& round : cell.rounds) {
        round.served = 1;
        round.offered_rate = 10;
        round.due = round.exchanges;
    }
    CHECK(why_invalid(cell).empty());
    cell.rounds[0].answered = 1;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
}

TEST_CASE("bench validity: a single unanswered request makes the cell invalid") {
    CellRounds cell = whole_cell();
    for (auto& round : cell.rounds) {
        round.offered_rate = 10;
        round.due = round.exchanges;
    }
    CHECK(why_invalid(cell).empty());
    cell.rounds[1].unanswered = 1;
    CHECK(reasons(cell) == std::vector{Reason::not_all_served});
    CHECK(notes(cell) == "1 request never answered");
}

TEST_CASE(
    "bench validity: a rate is reached with a tolerance of 1% and two requests at the edges") {
    CHECK(reaches_rate(98, 101));
    CHECK_FALSE(reaches_rate(97, 101));
    CHECK(reaches_rate(9'900 - 2, 10'000));
    CHECK_FALSE(reaches_rate(9'900 - 3, 10'000));
    CHECK(reaches_rate(0, 0));
}
