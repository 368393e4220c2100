// Passes what handlers saw to the test, also from other threads and from child processes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

// Lines through a pipe. Each is one write(2), which is atomic up to PIPE_BUF (man 7 pipe). The pipe is
// created before the server starts, so a forked child inherits it.
class Journal {
public:
    Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    ~Journal();

    void note(std::string_view line) const noexcept;         // from any thread or child
    void note_close(std::error_code reason) const noexcept;  // "close: <message>"

    // Returns the next line, or nullopt if none comes within that time. Only for the test's thread.
    std::optional<std::string> next(int timeout_ms);

private:
    int ends_[2];
    std::string read_;  // read from the pipe, but not yet returned by next()
};

std::string close_line(std::error_code reason);
