#include <switchboard/inetd.hpp>

#include <array>
#include <cstdio>

#include "pattern.hpp"

namespace switchboard {
namespace {

constexpr std::size_t kRing = 95;  // the printable characters, from ' ' to '~'
constexpr std::size_t kLine = 72;
constexpr std::size_t kLongestQuote = 512;

// One line for each character of the ring. After the last line the pattern starts again, so that it can be
// sent repeatedly, with one write of 7,030 bytes each time.
constexpr auto kPattern = [] {
    std::array<char, kRing*(kLine + 2)> pattern{};
    std::size_t at = 0;
    for (std::size_t line = 0; line < kRing; ++line) {
        for (std::size_t i = 0; i < kLine; ++i) {
            pattern[at++] = static_cast<char>(' ' + (line + i) % kRing);
        }
        pattern[at++] = '\r';
        pattern[at++] = '\n';
    }
    return pattern;
}();

// Not strftime(3), whose names depend on the locale of the host program.
constexpr const char* kWeekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                     "Thursday", "Friday", "Saturday"};
constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};

}  // namespace

namespace detail {

std::string_view chargen_pattern() {
    return {kPattern.data(), kPattern.size()};
}

std::array<std::byte, 4> time_reply(WallTime when) {
    using namespace std::chrono;
    constexpr sys_days kEpoch = January / 1 / 1900;
    const auto wrapped = static_cast<std::uint32_t>(floor<seconds>(when - kEpoch).count());
    std::array<std::byte, 4> reply;
    for (unsigned i = 0; i < 4; ++i) reply[i] = static_cast<std::byte>(wrapped >> (24 - 8 * i));
    return reply;
}

}  // namespace detail

void Chargen::on_open(Connection& connection) {
    on_writable(connection);
}

void Chargen::on_writable(Connection& connection) {
    while (connection.write(detail::chargen_pattern())) {
    }
}

std::string daytime_text(WallTime when) {
    using namespace std::chrono;
    const auto day = floor<days>(when);
    const year_month_day date(day);
    const hh_mm_ss time(floor<seconds>(when - day));
    char text[80];
    std::snprintf(
        text, sizeof text, "%s, %s %u, %d %02d:%02d:%02d-UTC", kWeekdays[weekday(day).c_encoding()],
        kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<unsigned>(date.day()),
        static_cast<int>(date.year()), static_cast<int>(time.hours().count()),
        static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    return text;
}

void Daytime::on_open(Connection& connection) {
    connection.write(daytime_text(clock_()) + "\r\n");
    connection.close();
}

void Time::on_open(Connection& connection) {
    connection.write(Bytes(detail::time_reply(clock_())));
    connection.close();
}

void Qotd::on_open(Connection& connection) {
    const std::string_view end = "\r\n";
    const std::string_view quote = choice_().substr(0, kLongestQuote - end.size());
    const Bytes pieces[] = {as_bytes(quote), as_bytes(end)};
    connection.write(pieces);
    connection.close();
}

}  // namespace switchboard
