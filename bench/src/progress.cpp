#include "progress.hpp"

#include <unistd.h>
#include <cmath>
#include <cstdio>

namespace switchboard::bench {
namespace {

constexpr std::size_t kBar = 30;  // characters

}  // namespace

Progress::Progress(std::size_t steps) : steps_(steps), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (terminal_) std::fputs("\r\033[K", stderr);
}

void Progress::begin(const std::string& what) {
    what_ = what;
    draw();
}

void Progress::end() {
    ++done_;
    draw();
}

void Progress::milestone(const std::string& what) {
    if (terminal_) return;
    std::fprintf(stderr, "%zu of %zu: %s\n", done_, steps_, what.c_str());
}

void Progress::draw() const {
    if (!terminal_) return;
    const std::size_t filled = done_ * kBar / steps_;
    std::fprintf(stderr, "\r\033[K[%s%s] %zu/%zu%s: %s", std::string(filled, '#').c_str(),
                 std::string(kBar - filled, '.').c_str(), done_, steps_, time_left().c_str(),
                 what_.c_str());
    std::fflush(stderr);
}

// Nothing is known of it before the first step has ended.
std::string Progress::time_left() const {
    if (done_ == 0) return {};
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began_;
    const auto done = static_cast<double>(done_);
    const double left = elapsed.count() / done * (static_cast<double>(steps_) - done);
    return ", " + std::to_string(std::lround(left)) + " s left";
}

}  // namespace switchboard::bench
