#include "load/tally.hpp"

#include <fmt/core.h>

#include "base/text.hpp"

namespace switchboard::bench {

Failure failure_of(std::error_code reason) {
    if (reason == std::errc::connection_refused) return Failure::refused;
    if (reason == std::errc::connection_reset || reason == std::errc::broken_pipe) {
        return Failure::reset;
    }
    return reason == std::errc::timed_out ? Failure::timed_out : Failure::other;
}

const char* to_string(Failure failure) noexcept {
    constexpr std::array<const char*, kFailures> names{
        "refused", "reset", "closed by the server", "timed out", "wrong bytes", "failed"};
    return names[static_cast<std::size_t>(failure)];
}

Tally Tally::without_window() const {
    Tally all = *this;
    all.exchanges = all.bytes = all.due = all.unanswered = 0;
    all.served = 0;
    all.latency.reset();
    all.uncorrected.reset();
    return all;
}

std::string failures_text(const FailureCounts& failures, const std::string& first_of_other) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < kFailures; ++i) {
        if (failures[i] == 0) continue;
        const auto kind = static_cast<Failure>(i);
        const bool says_why = kind == Failure::other && !first_of_other.empty();
        texts.push_back(fmt::format("{} {}{}{}", failures[i], to_string(kind), says_why ? ": " : "",
                                    says_why ? first_of_other : ""));
    }
    return joined(texts, ", ");
}

}  // namespace switchboard::bench
