#include <algorithm>
#include <array>
#include <switchboard/http_conditions.hpp>

namespace switchboard::http {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonthNames = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct Parts {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

// Reads a date from left to right. After something unexpected, nothing matches any more.
class DateReader {
public:
    explicit DateReader(std::string_view text) noexcept : left_(text) {}

    void text(std::string_view expected) noexcept {
        if (left_.starts_with(expected)) return left_.remove_prefix(expected.size());
        fail();
    }
    bool has(std::string_view expected) const noexcept { return left_.starts_with(expected); }
    unsigned number(std::size_t digits) noexcept {
        unsigned value = 0;
        if (left_.size() < digits) return fail(), value;
        for (const char c : left_.substr(0, digits)) {
            if (c < '0' || c > '9') return fail(), value;
            value = value * 10 + static_cast<unsigned>(c - '0');
        }
        left_.remove_prefix(digits);
        return value;
    }
    unsigned month() noexcept {
        const std::size_t at =
            left_.size() < 3 ? std::string_view::npos : kMonthNames.find(left_.substr(0, 3));
        if (at == std::string_view::npos || at % 3 != 0) return fail(), 0U;
        left_.remove_prefix(3);
        return static_cast<unsigned>(at / 3) + 1;
    }
    void time(Parts& into) noexcept {
        into.hour = number(2);
        text(":");
        into.minute = number(2);
        text(":");
        into.second = number(2);
    }
    void weekday(bool whole) noexcept {
        for (const std::string_view name : kWeekdays) {
            const auto expected = whole ? name : name.substr(0, 3);
            if (has(expected)) return text(expected);
        }
        fail();
    }
    bool ended() const noexcept { return good_ && left_.empty(); }

private:
    void fail() noexcept {
        good_ = false;
        left_ = {};
    }

    std::string_view left_;
    bool good_ = true;
};

// "Sun, 06 Nov 1994 08:49:37 GMT"
bool read_fixed(DateReader in, Parts& into) noexcept {
    in.weekday(false);
    in.text(", ");
    into.day = in.number(2);
    in.text(" ");
    into.month = in.month();
    in.text(" ");
    into.year = static_cast<int>(in.number(4));
    in.text(" ");
    in.time(into);
    in.text(" GMT");
    return in.ended();
}

// "Sunday, 06-Nov-94 08:49:37 GMT"
bool read_rfc850(DateReader in, Parts& into) noexcept {
    in.weekday(true);
    in.text(", ");
    into.day = in.number(2);
    in.text("-");
    into.month = in.month();
    in.text("-");
    const int year = static_cast<int>(in.number(2));
    into.year = year + (year < 70 ? 2000 : 1900);
    in.text(" ");
    in.time(into);
    in.text(" GMT");
    return in.ended();
}

// "Sun Nov  6 08:49:37 1994"
bool read_asctime(DateReader in, Parts& into) noexcept {
    in.weekday(false);
    in.text(" ");
    into.month = in.month();
    in.text(" ");
    const bool padded = in.has(" ");
    if (padded) in.text(" ");
    into.day = in.number(padded ? 1 : 2);
    in.text(" ");
    in.time(into);
    in.text(" ");
    into.year = static_cast<int>(in.number(4));
    return in.ended();
}

}  // namespace

// The day of the week is not compared with the date. A leap second counts as the next second.
std::optional<std::chrono::sys_seconds> parse_date(std::string_view text) noexcept {
    Parts parts;
    const DateReader in(text);
    if (!read_fixed(in, parts) && !read_rfc850(in, parts) && !read_asctime(in, parts))
        return std::nullopt;
    const std::chrono::year_month_day date(std::chrono::year(parts.year),
                                           std::chrono::month(parts.month),
                                           std::chrono::day(parts.day));
    if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60)
        return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(parts.hour) +
           std::chrono::minutes(parts.minute) + std::chrono::seconds(parts.second);
}

}  // namespace switchboard::http
