// How far a long run is, on stderr: a bar on a terminal, a plain line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace switchboard::bench {

class Progress {
public:
    explicit Progress(std::size_t steps);
    ~Progress();  // leaves no bar behind
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void begin(const std::string& what);      // a step; redraws the bar
    void end();                               // of a step
    void milestone(const std::string& what);  // a plain line, where there is no terminal

private:
    void draw() const;
    std::string time_left() const;

    std::size_t steps_, done_ = 0;
    bool terminal_;
    std::string what_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace switchboard::bench
