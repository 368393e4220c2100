// What handlers saw, told to the test: also across threads and out of a child process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

// Lines through a pipe, one write(2) each, which is atomic up to PIPE_BUF (man 7 pipe). It is made
// before the server, so a child has it by fork.
class Journal {
public:
    Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    ~Journal();

    void note(std::string_view line) const noexcept;         // from any thread or child
    void note_close(std::error_code reason) const noexcept;  // "close: <message>"

    // The next line, for the test's thread; none if nothing is said for that long.
    std::optional<std::string> next(int timeout_ms);

private:
    int ends_[2];
    std::string read_;  // and not handed out yet
};

std::string close_line(std::error_code reason);
