// Shows the progress of a measurement on stderr: on a terminal as one line that is overwritten, elsewhere as
// occasional plain lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "load/tally.hpp"

namespace switchboard::bench {

class StatusLine {
public:
    StatusLine();
    ~StatusLine();  // clears the line on a terminal
    StatusLine(const StatusLine&) = delete;
    StatusLine& operator=(const StatusLine&) = delete;

    bool is_terminal() const noexcept { return terminal_; }
    // Replaces the line on a terminal; prints another line elsewhere.
    void show(const std::string& text);
    void keep(const std::string& text);   // prints a line that stays
    static std::string bar(double done);  // "[####......]" for a part in [0, 1]

private:
    bool terminal_;
};

// Shows how many measurements of a comparison are done.
class Progress {
public:
    explicit Progress(std::size_t steps) : steps_(steps) {}

    void begin(const std::string& server, const std::string& load);  // of a step
    // Ends a step. Without a terminal, only the last step of a load is printed.
    void end(bool is_last);

private:
    void draw();
    std::string time_left() const;

    StatusLine line_;
    std::size_t steps_, done_ = 0;
    std::string server_, load_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// Shows the rate and latency of a load so far: four times a second on a terminal, otherwise every five
// seconds.
class LoadProgress {
public:
    // `whole`: the length of the window; `what`: what is measured.
    LoadProgress(std::chrono::milliseconds whole, std::string what)
        : whole_(whole), what_(std::move(what)) {}

    void say(const std::string& text) { line_.keep(text); }
    void window_opens();
    void update(const Tally& tally);  // may be called at any rate

private:
    using Clock = std::chrono::steady_clock;

    std::string text_of(const Tally& tally, Clock::time_point now) const;

    StatusLine line_;
    std::chrono::duration<double> whole_;
    std::string what_;
    bool open_ = false;
    Clock::time_point opened_at_{}, shown_at_ = Clock::now();
    std::uint64_t shown_exchanges_ = 0;
};

}  // namespace switchboard::bench
