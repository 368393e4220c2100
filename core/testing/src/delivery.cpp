#include "delivery.hpp"

#include <algorithm>

namespace switchboard::testing {
namespace {

using Kind = Delivery::Kind;
using Step = Transcript::Kind;

// Passes on the deliveries of one kind after the other.
class Deliveries {
public:
    Deliveries(const CheckOptions& options, const std::function<Next(const Delivery&)>& run)
        : most_(std::max<std::size_t>(options.most_runs, 1)), run_(run) {}

    std::size_t most() const { return most_; }

    void one(Kind kind) {
        if (!stopped_) note(run_({.kind = kind}));
    }

    // One for each place from `begin` to `end`, without `end`.
    void places(Kind kind, std::size_t begin, std::size_t end) {
        if (stopped_ || begin >= end) return;
        const std::size_t count = end - begin, taken = std::min(count, most_);
        for (std::size_t i = 0; i < taken; ++i)
            if (!note(run_({.kind = kind, .first = begin + i * count / taken}))) return;
    }

    // Two cuts at each pair of places from 1 to `size`, without `size`. Every step-th pair is taken.
    void pairs(std::size_t size) {
        if (stopped_ || size < 3) return;
        const std::size_t step = 1 + (size - 1) * (size - 2) / 2 / most_;
        std::size_t number = 0;
        for (std::size_t i = 1; i < size; ++i)
            for (std::size_t j = i + 1; j < size; ++j)
                if (number++ % step == 0 &&
                    !note(run_({.kind = Kind::two_cuts, .first = i, .second = j})))
                    return;
    }

private:
    bool note(Next next) {
        stopped_ = next == Next::stop;
        return next == Next::go_on;
    }

    const std::size_t most_;
    const std::function<Next(const Delivery&)>& run_;
    bool stopped_ = false;
};

bool can_be_pipelined(const Transcript& transcript) {
    return std::none_of(transcript.steps().begin(), transcript.steps().end(), [](const auto& s) {
        return s.kind == Step::wait || s.kind == Step::reset || s.kind == Step::shutdown;
    });
}

}  // namespace

std::string Delivery::to_string() const {
    const std::string number = std::to_string(first);
    switch (kind) {
        case Kind::whole: return "whole";
        case Kind::twice: return "twice";
        case Kind::pipelined: return "pipelined";
        case Kind::cut: return "cut at " + number;
        case Kind::bytewise: return "byte by byte";
        case Kind::fin: return "FIN after " + number;
        case Kind::rst: return "RST after " + number;
        case Kind::shutdown: return "shutdown after " + number;
        case Kind::random_pieces: return "random pieces " + number;
        case Kind::slow_peer: return "slow peer";
        case Kind::deaf_peer: return "deaf peer";
        case Kind::allocation: return "allocation " + number + " fails";
        case Kind::oversize: return "oversize";
        case Kind::scan: return "scan cost";
        case Kind::two_cuts: return "cut at " + number + " and " + std::to_string(second);
    }
    return {};
}

std::string input_of(const Transcript& transcript) {
    std::string all;
    for (const Transcript::Step& step : transcript.steps())
        if (step.kind == Transcript::Kind::send) all += step.bytes;
    return all;
}

void each_delivery(const Transcript& transcript, const CheckOptions& options,
                   const std::function<Next(const Delivery&)>& run) {
    const std::size_t size = input_of(transcript).size();
    Deliveries all(options, run);
    all.one(Kind::whole);
    all.one(Kind::twice);
    if (can_be_pipelined(transcript)) all.one(Kind::pipelined);
    all.places(Kind::cut, 1, size);
    if (size > 2) all.one(Kind::bytewise);
    all.places(Kind::fin, 0, size + 1);
    all.places(Kind::rst, 0, size + 1);
    all.places(Kind::shutdown, 0, size + 1);
    all.pairs(size);
    all.places(Kind::random_pieces, 1, options.random_runs + 1);
    all.one(Kind::slow_peer);
    if (size > 0) all.one(Kind::deaf_peer);
    all.places(Kind::allocation, 1, all.most() + 1);
    if (size > 1) all.one(Kind::oversize);
    if (size > 1) all.one(Kind::scan);
}

}  // namespace switchboard::testing
