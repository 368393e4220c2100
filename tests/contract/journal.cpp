#include "journal.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

Journal::Journal() {
    REQUIRE(::pipe(ends_) == 0);
}

Journal::~Journal() {
    for (const int end : ends_) ::close(end);
}

void Journal::note(std::string_view line) const noexcept {
    const std::string whole = std::string(line) + "\n";
    [[maybe_unused]] const auto written = ::write(ends_[1], whole.data(), whole.size());
}

void Journal::note_close(std::error_code reason) const noexcept {
    note(close_line(reason));
}

std::optional<std::string> Journal::next(int timeout_ms) {
    for (;;) {
        if (const auto end = read_.find('\n'); end != std::string::npos) {
            std::string line = read_.substr(0, end);
            read_.erase(0, end + 1);
            return line;
        }
        pollfd entry{ends_[0], POLLIN, 0};
        if (::poll(&entry, 1, timeout_ms) <= 0) return std::nullopt;
        char bytes[4096];
        const ssize_t got = ::read(ends_[0], bytes, sizeof bytes);
        if (got > 0) read_.append(bytes, static_cast<std::size_t>(got));
    }
}

std::string close_line(std::error_code reason) {
    return "close: " + (reason ? reason.message() : "orderly");
}
