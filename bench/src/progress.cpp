#include "progress.hpp"

#include <unistd.h>
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
    using Seconds = std::chrono::duration<double>;
    const double elapsed = Seconds(std::chrono::steady_clock::now() - began_).count();
    const double left =
        done_ == 0 ? 0 : elapsed / static_cast<double>(done_) * static_cast<double>(steps_ - done_);
    const std::size_t filled = done_ * kBar / steps_;
    std::fprintf(stderr, "\r\033[K[%s%s] %zu/%zu, %.0f s left: %s",
                 std::string(filled, '#').c_str(), std::string(kBar - filled, '.').c_str(), done_,
                 steps_, left, what_.c_str());
    std::fflush(stderr);
}

}  // namespace switchboard::bench
