#include "date.hpp"

#include <array>
#include <cstdint>
#include <switchboard/http_conditions.hpp>

namespace switchboard::http::detail {
namespace {

constexpr std::string_view kPattern = "Date: Sun, 00 Jan 0000 00:00:00 GMT\r\n";
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct DateLine {
    std::int64_t second = INT64_MIN;
    std::array<char, kPattern.size()> text;

    void digits(std::size_t at, int count, unsigned value) {
        for (int i = count - 1; i >= 0; --i, value /= 10)
            text[at + static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    }
    void name(std::size_t at, std::string_view value) {
        value.copy(text.data() + at, value.size());
    }
    void make(std::chrono::sys_seconds time);
};

void DateLine::make(std::chrono::sys_seconds time) {
    kPattern.copy(text.data(), text.size());
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

}  // namespace

std::string_view date_line(std::chrono::system_clock::time_point time) {
    static thread_local DateLine line;
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    if (second.time_since_epoch().count() != line.second) {
        line.make(second);
        line.second = second.time_since_epoch().count();
    }
    return {line.text.data(), line.text.size()};
}

}  // namespace switchboard::http::detail

namespace switchboard::http {

std::string format_date(std::chrono::system_clock::time_point time) {
    detail::DateLine line;
    line.make(std::chrono::floor<std::chrono::seconds>(time));
    constexpr std::string_view kName = "Date: ";
    return {line.text.data() + kName.size(), line.text.size() - kName.size() - 2};
}

}  // namespace switchboard::http
