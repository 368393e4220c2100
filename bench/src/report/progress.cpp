#include "report/progress.hpp"

#include <fmt/core.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>

#include "base/text.hpp"

namespace switchboard::bench {

StatusLine::StatusLine() : terminal_(isatty(STDERR_FILENO) == 1) {}

StatusLine::~StatusLine() {
    if (terminal_) std::fputs("\r\033[K", stderr);
}

void StatusLine::show(const std::string& text) {
    std::fprintf(stderr, terminal_ ? "\r\033[K%s" : "%s\n", text.c_str());
    std::fflush(stderr);
}

void StatusLine::keep(const std::string& text) {
    show(terminal_ ? text + "\n" : text);
}

std::string StatusLine::bar(double done) {
    constexpr std::size_t kWidth = 30;
    const auto filled = static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * kWidth);
    return "[" + std::string(filled, '#') + std::string(kWidth - filled, '.') + "]";
}

void Progress::begin(const std::string& server, const std::string& load) {
    server_ = server;
    load_ = load;
    draw();
}

void Progress::end(bool is_last) {
    ++done_;
    draw();
    if (is_last && !line_.is_terminal())
        line_.show(fmt::format("{} of {}: {}", done_, steps_, load_));
}

void Progress::draw() {
    if (!line_.is_terminal()) return;
    const double done = static_cast<double>(done_) / static_cast<double>(steps_);
    line_.show(fmt::format("{} {}/{}{}: {}, {}", StatusLine::bar(done), done_, steps_, time_left(),
                           server_, load_));
}

// Unknown, and empty, until the first step has ended.
std::string Progress::time_left() const {
    if (done_ == 0) return {};
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began_;
    const auto done = static_cast<double>(done_);
    return fmt::format(", {:.0f} s left",
                       elapsed.count() / done * (static_cast<double>(steps_) - done));
}

void LoadProgress::window_opens() {
    open_ = true;
    opened_at_ = shown_at_ = Clock::now();
    shown_exchanges_ = 0;
}

void LoadProgress::update(const Tally& tally) {
    using std::chrono::milliseconds;
    const auto now = Clock::now();
    if (now - shown_at_ < (line_.is_terminal() ? milliseconds(250) : milliseconds(5'000))) return;
    line_.show(what_ + ": " + text_of(tally, now));
    shown_at_ = now;
    shown_exchanges_ = tally.exchanges;
}

std::string LoadProgress::text_of(const Tally& tally, Clock::time_point now) const {
    if (!open_)
        return fmt::format("{} connected, {} answered, {} failed", tally.connected, tally.answered,
                           tally.failed);
    const std::chrono::duration<double> passed = now - opened_at_, since = now - shown_at_;
    const std::uint64_t waiting = tally.due - std::min(tally.due, tally.latency.count());
    // In an open loop, requests that were due in the window may be answered later.
    if (waiting > 0 && passed > whole_)
        return fmt::format("waiting for {} replies", grouped(static_cast<double>(waiting)));
    const std::string done = line_.is_terminal() ? StatusLine::bar(passed / whole_) + " "
                                                 : fmt::format("{:.0f} s, ", passed.count());
    const double rate = static_cast<double>(tally.exchanges - shown_exchanges_) / since.count();
    return fmt::format("{}{}/s, p99 {}, {} failed", done, rate_text(rate),
                       seconds_text(seconds_at(tally.latency, 99)), tally.failed);
}

}  // namespace switchboard::bench
