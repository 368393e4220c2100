// Runs programs as child processes, for the tests of programs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace switchboard::support {

// The end of a program. `status` is its exit status, or 128 plus the signal that ended it.
struct Finished {
    int status = 0;
    std::string output, errors;
};

// A running child process. A wait throws if the child says nothing for `patience`, so that no test hangs. The
// destructor kills the child if it still runs.
class Process {
public:
    struct Setup {
        std::vector<std::string> command;           // searched for in PATH (execvp(3))
        std::string input = {};                     // the whole of its stdin
        std::vector<std::string> environment = {};  // "NAME=value", added to the test's environment
        bool broken_output = false;                 // its stdout is a pipe without a reader
        std::chrono::seconds patience{30};
    };

    explicit Process(const Setup& setup);
    explicit Process(std::vector<std::string> command) : Process(Setup{std::move(command)}) {}
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    std::string read_line();        // the next line of its stdout, without the line end
    std::string read_error_line();  // the same of its stderr
    void signal(int number) const;
    Finished wait();  // waits for its end; returns the output that was not read as lines
    pid_t id() const noexcept { return id_; }

private:
    struct Stream {
        int fd = -1;
        std::string text;
    };
    std::string read_line(Stream& stream) const;
    static bool fill(Stream& stream, int patience_ms);

    const int patience_ms_;
    pid_t id_ = -1;
    Stream output_, errors_;
};

Finished run(std::vector<std::string> command, std::string input = {});

// Calls `condition` until it returns true. Returns false if it does not within 30 s.
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
