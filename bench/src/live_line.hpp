// How a load goes, while it goes, on stderr.
#pragma once

#include <chrono>
#include <string>

#include "tally.hpp"

namespace switchboard::bench {

// On a terminal one line that is written over, four times a second; elsewhere a line every five seconds.
class LiveLine {
public:
    // `whole`: what the window lasts; `what`: what is measured.
    LiveLine(std::chrono::milliseconds whole, std::string what);
    ~LiveLine();  // leaves no line behind on a terminal
    LiveLine(const LiveLine&) = delete;
    LiveLine& operator=(const LiveLine&) = delete;

    void window_opens();
    void update(const Tally& tally);  // as often as you like

private:
    using Clock = std::chrono::steady_clock;

    bool is_over(const Tally& tally, Clock::time_point now) const;
    std::string progress(Clock::time_point now) const;
    double rate(const Tally& tally, Clock::time_point now);

    std::chrono::milliseconds whole_;
    std::string what_;
    bool terminal_;
    bool open_ = false;
    Clock::time_point opened_at_{}, told_at_ = Clock::now();
    std::uint64_t told_exchanges_ = 0;
};

}  // namespace switchboard::bench
