#include "live_line.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdio>

#include "format.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBar = 30;  // characters

}  // namespace

LiveLine::LiveLine(milliseconds whole, std::string what)
    : whole_(whole), what_(std::move(what)), terminal_(isatty(STDERR_FILENO) == 1) {}

LiveLine::~LiveLine() {
    if (terminal_) std::fputs("\r\033[K", stderr);
}

void LiveLine::window_opens() {
    open_ = true;
    opened_at_ = told_at_ = Clock::now();
    told_exchanges_ = 0;
}

void LiveLine::update(const Tally& tally) {
    const auto now = Clock::now();
    if (now - told_at_ < (terminal_ ? milliseconds(250) : milliseconds(5'000))) return;
    const std::string line =
        is_over(tally, now)
            ? "waiting for " + grouped(static_cast<double>(tally.due - tally.latency.count())) +
                  " replies"
        : open_
            ? progress(now) + grouped(rate(tally, now)) + "/s, p99 " +
                  seconds_text(seconds_at(tally.latency, 99)) + ", " +
                  std::to_string(tally.failed) + " failed"
            : std::to_string(tally.connected) + " connected, " + std::to_string(tally.answered) +
                  " answered, " + std::to_string(tally.failed) + " failed";
    std::fprintf(stderr, terminal_ ? "\r\033[K%s: %s" : "%s: %s\n", what_.c_str(), line.c_str());
    std::fflush(stderr);
    told_at_ = now;
    told_exchanges_ = tally.exchanges;
}

// Of an open loop: what was due in the window may be answered later.
bool LiveLine::is_over(const Tally& tally, Clock::time_point now) const {
    return open_ && tally.due > tally.latency.count() && now - opened_at_ > whole_;
}

std::string LiveLine::progress(Clock::time_point now) const {
    const auto passed = std::chrono::duration_cast<milliseconds>(now - opened_at_);
    if (!terminal_) return fixed(static_cast<double>(passed.count()) * 1e-3, 0) + " s, ";
    const std::size_t filled = std::min<std::size_t>(
        kBar, kBar * static_cast<std::size_t>(passed.count()) /
                  std::max<std::size_t>(1, static_cast<std::size_t>(whole_.count())));
    return "[" + std::string(filled, '#') + std::string(kBar - filled, '.') + "] ";
}

// Since the last line.
double LiveLine::rate(const Tally& tally, Clock::time_point now) {
    const std::chrono::duration<double> since = now - told_at_;
    return static_cast<double>(tally.exchanges - told_exchanges_) / since.count();
}

}  // namespace switchboard::bench
