// Programs run as children, for the tests of programs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace switchboard::support {

// How a program ended. `status` is its exit status, or 128 and the signal that ended it.
struct Finished {
    int status = 0;
    std::string output, errors;
};

// A running child. What it takes longer than 30 s for throws, so that no test hangs. Destroyed while
// it runs, it is killed.
class Process {
public:
    struct Setup {
        std::vector<std::string> command;           // looked up in PATH as execvp(3) does
        std::string input = {};                     // all of its stdin
        std::vector<std::string> environment = {};  // "NAME=value", besides the test's own
        bool broken_output = false;                 // its stdout is a pipe that nobody reads
    };

    explicit Process(const Setup& setup);
    explicit Process(std::vector<std::string> command) : Process(Setup{std::move(command)}) {}
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    std::string read_line();        // the next line of its stdout, without its end
    std::string read_error_line();  // of its stderr
    void signal(int number) const;
    Finished wait();  // until it has ended; with the output that was not read as lines
    pid_t id() const noexcept { return id_; }

private:
    struct Stream {
        int fd = -1;
        std::string text;
    };
    static std::string read_line(Stream& stream);
    static bool fill(Stream& stream, int patience_ms);

    pid_t id_ = -1;
    Stream output_, errors_;
};

Finished run(std::vector<std::string> command, std::string input = {});

// Asks `condition` again and again until it holds; false if it doesn't within 30 s.
template <class Condition>
bool eventually(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::yield();
    }
    return true;
}

}  // namespace switchboard::support
