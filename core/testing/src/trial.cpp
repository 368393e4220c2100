#include "trial.hpp"

#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <switchboard/testing/detail/allocations.hpp>
#include <vector>

#include "conversation.hpp"
#include "forwarding.hpp"
#include "violation.hpp"

namespace switchboard::testing {
namespace {

using Kind = Delivery::Kind;
using Step = Transcript::Kind;

constexpr std::size_t kDeafInput = 256 * 1024;

NetworkFaults faults_of(const Trial& trial) {
    if (trial.delivery.kind != Kind::random_pieces) return {};
    return {.seed = trial.options.seed + trial.delivery.first - 1,
            .short_reads = true,
            .short_writes = true};
}

// Plays one transcript on one driver, on one or two connections.
class Stage {
public:
    Stage(const Trial& trial, const ProtocolFactory& factory)
        : trial_(trial), driver_(faults_of(trial)) {
        add(factory);
        if (trial.delivery.kind == Kind::twice) add(factory);
    }

    std::string play() {
        driver_.run(kMostTurns);
        for (const Transcript::Step& step : trial_.transcript.steps()) {
            if (any_over()) break;
            play(step);
        }
        if (trial_.delivery.kind == Kind::deaf_peer) return repeat_input();
        if (ends()) {
            end();
        } else {
            for (Conversation& each : all_) each.finish();
        }
        return problem();
    }

private:
    void add(const ProtocolFactory& factory) {
        all_.emplace_back(driver_, factory, trial_.transcript, trial_.delivery,
                          trial_.options.limits);
    }

    bool any_over() const {
        for (const Conversation& each : all_)
            if (each.over()) return true;
        return false;
    }

    std::string problem() const {
        for (const Conversation& each : all_)
            if (!each.problem().empty()) return each.problem();
        return {};
    }

    void play(const Transcript::Step& step) {
        if (step.kind == Step::wait) {
            advance(step.time);
        } else if (step.kind == Step::shutdown) {
            driver_.drain();
        }
        for (Conversation& each : all_) each.play(step);
    }

    // A slow peer takes bytes all the time.
    void advance(std::chrono::nanoseconds time) {
        const int parts = trial_.delivery.kind == Kind::slow_peer ? 100 : 1;
        for (int part = parts; part > 0; --part) {
            driver_.advance(time / part);
            time -= time / part;
            for (Conversation& each : all_) each.settle();
        }
    }

    bool ends() const {
        return trial_.delivery.ends_early() || trial_.delivery.kind == Kind::allocation;
    }

    void end() {
        MemoryPeer& peer = all_[0].peer();
        if (trial_.delivery.kind == Kind::shutdown) {
            driver_.drain();
            driver_.run(kMostTurns);
        }
        trial_.delivery.kind == Kind::rst ? peer.reset() : peer.shutdown_write();
        all_[0].must_end();
    }

    // The protocol gets its input again and again, and nobody takes its output.
    std::string repeat_input() {
        MemoryPeer& peer = all_[0].peer();
        const std::string input = input_of(trial_.transcript);
        std::string much;
        while (much.size() < kDeafInput) much += input;
        if (!peer.closed()) peer.send(much);
        driver_.run(kMostTurns);
        driver_.advance(std::chrono::minutes(10));
        return violation_of(peer);
    }

    const Trial& trial_;
    MemoryDriver driver_;
    std::vector<Conversation> all_;
};

// Says which run it was if an exception leaves a function that must not throw.
std::string running;

[[noreturn]] void report_and_abort() {
    std::cerr << "switchboard: check: " << running
              << ": std::terminate: an exception left a function that must not throw\n";
    std::abort();
}

}  // namespace

std::string Trial::play() {
    return Stage(*this, subject.factory).play();
}

std::string Trial::play_with_failing_allocation() {
    running = transcript.name() + ": " + delivery.to_string();
    const std::terminate_handler before = std::set_terminate(report_and_abort);
    std::string problem;
    {
        const ProtocolFactory failing = with_failing_allocations(subject.factory);
        const detail::FailingAllocation fault(delivery.first);
        problem = Stage(*this, failing).play();
        exhausted = !fault.has_failed();
    }
    std::set_terminate(before);
    return problem;
}

std::string Trial::run() {
    subject.order_problem->clear();
    std::string problem;
    try {
        switch (delivery.kind) {
            case Kind::allocation: problem = play_with_failing_allocation(); break;
            case Kind::oversize: problem = run_oversize(*this); break;
            case Kind::scan: problem = run_scan(*this); break;
            default: problem = play();
        }
    } catch (const std::runtime_error& e) {
        problem = std::string("hangs: ") + e.what();
    }
    return subject.order_problem->empty() ? problem : *subject.order_problem;
}

}  // namespace switchboard::testing
