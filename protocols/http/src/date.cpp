#include "date.hpp"

#include <array>
#include <cstdint>
#include <switchboard/http_conditions.hpp>

namespace switchboard::http::detail {
namespace {

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";
constexpr std::string_view kPattern = "Date: Sun, 00 Jan 0000 00:00:00 GMT\r\n";
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct DateLine {
    std::int64_t second = INT64_MIN;
    std::array<char, kOk.size() + kPattern.size()> text;

    // `at` is counted from the beginning of the pattern.
    void digits(std::size_t at, int count, unsigned value) {
        for (int i = count - 1; i >= 0; --i, value /= 10)
            text[kOk.size() + at + static_cast<std::size_t>(i)] =
                static_cast<char>('0' + value % 10);
    }
    void name(std::size_t at, std::string_view value) {
        value.copy(text.data() + kOk.size() + at, value.size());
    }
    void make(std::chrono::sys_seconds time);
    std::string_view with_status() const noexcept { return {text.data(), text.size()}; }
    std::string_view line() const noexcept { return with_status().substr(kOk.size()); }
};

void DateLine::make(std::chrono::sys_seconds time) {
    kOk.copy(text.data(), kOk.size());
    kPattern.copy(text.data() + kOk.size(), kPattern.size());
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    name(6, kDays[std::chrono::weekday(day).c_encoding()]);
    digits(11, 2, static_cast<unsigned>(date.day()));
    name(14, kMonths[static_cast<unsigned>(date.month()) - 1]);
    digits(18, 4, static_cast<unsigned>(static_cast<int>(date.year())));
    digits(23, 2, static_cast<unsigned>(clock.hours().count()));
    digits(26, 2, static_cast<unsigned>(clock.minutes().count()));
    digits(29, 2, static_cast<unsigned>(clock.seconds().count()));
}

// The line of this thread, made anew if another second has begun.
const DateLine& date_line_at(std::chrono::system_clock::time_point time) {
    static thread_local DateLine line;
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    if (second.time_since_epoch().count() != line.second) {
        line.make(second);
        line.second = second.time_since_epoch().count();
    }
    return line;
}

}  // namespace

std::string_view date_line(std::chrono::system_clock::time_point time) {
    return date_line_at(time).line();
}

std::string_view ok_and_date_lines(std::chrono::system_clock::time_point time) {
    return date_line_at(time).with_status();
}

}  // namespace switchboard::http::detail

namespace switchboard::http {

std::string format_date(std::chrono::sys_seconds time) {
    detail::DateLine line;
    line.make(time);
    constexpr std::string_view kName = "Date: ";
    const std::string_view text = line.line();
    return std::string(text.substr(kName.size(), text.size() - kName.size() - 2));
}

}  // namespace switchboard::http
