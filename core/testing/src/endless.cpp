// Deliveries of a message that does not end.
#include <algorithm>
#include <vector>

#include "conversation.hpp"
#include "forwarding.hpp"
#include "trial.hpp"
#include "violation.hpp"

namespace switchboard::testing {
namespace {

constexpr std::size_t kMostOutputOfEndless = 16 * 1024 * 1024;
constexpr std::size_t kFew = 64 * 1024, kMany = 512 * 1024;  // bytes before the measured ones
constexpr int kSamples = 33;
constexpr int kGrowth = 3;  // eight times the bytes may cost less than this times as much
constexpr std::chrono::nanoseconds kNoise = std::chrono::microseconds(1);

// Sends the transcript up to its last byte, and then the byte before again and again.
class Endless {
public:
    Endless(const Trial& trial, const ProtocolFactory& factory)
        : trial_(trial), peer_(driver_.connect(factory, trial.options.limits)) {
        peer_.set_window(kMostOutputOfEndless);
    }

    // Returns whether the protocol still listens.
    bool begin() {
        const std::string all = input_of(trial_.transcript);
        std::size_t left = all.size() - 1;
        filler_ = all[left - 1];
        driver_.run(kMostTurns);
        for (const Transcript::Step& step : trial_.transcript.steps()) {
            if (step.kind == Transcript::Kind::wait) driver_.advance(step.time);
            if (step.kind != Transcript::Kind::send) continue;
            send(step.bytes.substr(0, left));
            left -= std::min(left, step.bytes.size());
            if (left == 0) break;
        }
        return !peer_.closed();
    }
    void fill(std::size_t count) { send(std::string(count, filler_)); }
    void send(const std::string& bytes) {
        peer_.send(bytes);
        driver_.run(kMostTurns);
    }
    // Returns a problem, or an empty text.
    std::string end() {
        peer_.shutdown_write();
        driver_.run(kMostTurns);
        for (int i = 0; i < 10 && !peer_.closed(); ++i) driver_.advance(std::chrono::minutes(1));
        std::string violation = violation_of(peer_);
        if (!violation.empty()) return violation;
        return peer_.closed() ? "" : "still open ten minutes after the peer had gone";
    }
    bool closed() const { return peer_.closed(); }

private:
    const Trial& trial_;
    MemoryDriver driver_;
    MemoryPeer& peer_;
    char filler_ = 'x';
};

using Times = std::vector<std::chrono::nanoseconds>;

// Returns the median time that on_data takes for one more byte. Zero if it is not called for each.
std::chrono::nanoseconds time_of_a_byte(Endless& endless, Times& times) {
    Times each;
    for (int i = 0; i < kSamples; ++i) {
        times.clear();
        endless.fill(1);
        if (times.empty() || endless.closed()) return {};
        std::chrono::nanoseconds sum{};
        for (const auto time : times) sum += time;
        each.push_back(sum);
    }
    std::nth_element(each.begin(), each.begin() + kSamples / 2, each.end());
    return each[kSamples / 2];
}

std::string microseconds(std::chrono::nanoseconds time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(time).count()) +
           " us";
}

}  // namespace

std::string run_oversize(const Trial& trial) {
    Endless endless(trial, trial.subject.factory);
    if (endless.begin()) endless.fill(trial.options.limits.max_read_buffer + 1);
    return endless.end();
}

std::string run_scan(const Trial& trial) {
    Times times;
    Endless endless(trial, timed(trial.subject.factory, &times));
    const std::size_t most = trial.options.limits.max_read_buffer / 2;
    if (most < kMany || !endless.begin()) return {};
    endless.fill(kFew);
    const auto few = time_of_a_byte(endless, times);
    endless.fill(kMany - kFew);
    const auto many = time_of_a_byte(endless, times);
    if (few.count() == 0 || many <= few * kGrowth + kNoise) return {};
    return "each byte of an unfinished message costs " + microseconds(many) +
           " after 512 KiB of it, and " + microseconds(few) + " after 64 KiB";
}

}  // namespace switchboard::testing
