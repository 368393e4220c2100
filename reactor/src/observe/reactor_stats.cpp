#include <switchboard/reactor_stats.hpp>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <switchboard/error.hpp>

namespace switchboard {
namespace {

using Stats = ReactorStats;
using std::chrono::milliseconds;

template <class T>
struct Field {
    T Stats::*member;
    const char* name;
    const char* meaning;
};

constexpr Field<std::uint64_t> kCounts[] = {
    {&Stats::accepted, "accepted", "connections accepted"},
    {&Stats::connected, "connected", "connections opened to other peers"},
    {&Stats::closed, "closed", "connections that ended"},
    {&Stats::refused, "refused", "connections refused when they were accepted"},
    {&Stats::refused_max_connections, "refused_max_connections", "of these, for max_connections"},
    {&Stats::refused_per_address, "refused_per_address", "of these, for max_per_address"},
    {&Stats::refused_protocol, "refused_protocol",
     "of these, because the factory returned no protocol"},
    {&Stats::refused_memory, "refused_memory", "of these, for lack of memory"},
    {&Stats::rejected_with_message, "rejected_with_message",
     "of those refused, sent the reject message"},
    {&Stats::accept_errors, "accept_errors", "pauses because accept failed"},
    {&Stats::connect_errors, "connect_errors", "connects that failed"},
    {&Stats::handler_failures, "handler_failures",
     "connections aborted because their handler threw"},
    {&Stats::bytes_in, "bytes_in", "bytes read from connections"},
    {&Stats::bytes_out, "bytes_out", "bytes sent to connections"},
    {&Stats::datagrams_in, "datagrams_in", "datagrams received"},
    {&Stats::datagrams_out, "datagrams_out", "datagrams sent"},
    {&Stats::posts, "posts", "posts that ran"},
    {&Stats::wake_ups, "wake_ups", "batches of posts"},
    {&Stats::timers_fired, "timers_fired", "timer calls"},
    {&Stats::stalls, "stalls", "callbacks that held the loop for stall_report or more"},
};
constexpr Field<std::size_t> kGauges[] = {
    {&Stats::open, "open", "connections now"},
    {&Stats::rejecting, "rejecting", "connections that are being sent the reject message"},
    {&Stats::paused, "paused", "connections whose reading is paused now"},
    {&Stats::listeners, "listeners", "listeners now"},
    {&Stats::timers, "timers", "timers now"},
    {&Stats::offloads, "offloads", "offloads now"},
    {&Stats::datagram_sockets, "datagram_sockets", "datagram sockets now"},
    {&Stats::queued_bytes, "queued_bytes", "bytes queued for peers now"},
};
constexpr Field<milliseconds> kLateness{&Stats::timer_delay_total, "timer_delay_total",
                                        "total delay of timer calls"};
constexpr Field<milliseconds> kWorst[] = {
    {&Stats::timer_delay_max, "timer_delay_max", "largest delay of a timer call"},
    {&Stats::longest_callback, "longest_callback", "duration of the longest callback"},
    {&Stats::longest_turn, "longest_turn", "duration of the longest turn of the loop"},
    {&Stats::loop_lag, "loop_lag", "longest wait of a ready socket in the last turn"},
};

std::string seconds(milliseconds time) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", std::chrono::duration<double>(time).count());
    return text;
}

// Writes metrics, each with its HELP and TYPE lines.
class Exposition {
public:
    explicit Exposition(std::span<const Stats> reactors) : reactors_(reactors) {}

    template <class Sample>
    void metric(const std::string& name, const char* type, const char* meaning, Sample sample) {
        const std::string full = "switchboard_" + name;
        text_ += "# HELP " + full + " " + meaning + "\n# TYPE " + full + " " + type + "\n";
        for (std::size_t i = 0; i < reactors_.size(); ++i) {
            const std::string reactor =
                reactors_.size() > 1 ? "reactor=\"" + std::to_string(i) + "\"" : "";
            sample(reactors_[i], [&](const std::string& value, const std::string& label = {}) {
                const std::string all =
                    reactor + (reactor.empty() || label.empty() ? "" : ",") + label;
                text_ += full + (all.empty() ? "" : "{" + all + "}") + " " + value + "\n";
            });
        }
    }
    std::string take() { return std::move(text_); }

private:
    std::span<const Stats> reactors_;
    std::string text_;
};

template <class Visit>
void for_each_cause(const Stats& stats, Visit visit) {
    for (std::size_t i = 0; i < kCloseCauses; ++i)
        visit(to_string(static_cast<CloseCause>(i)), std::to_string(stats.closed_by[i]));
}

}  // namespace

const char* to_string(CloseCause cause) noexcept {
    constexpr const char* names[kCloseCauses] = {"orderly",     "reset",  "timed_out", "queue_full",
                                                 "bad_message", "failed", "stopping",  "other"};
    return names[static_cast<std::size_t>(cause)];
}

CloseCause close_cause(std::error_code reason) noexcept {
    if (!reason) return CloseCause::orderly;
    if (reason == std::errc::connection_reset || reason == std::errc::broken_pipe)
        return CloseCause::reset;
    if (reason == std::errc::timed_out) return CloseCause::timed_out;
    if (reason.category() != category()) return CloseCause::other;
    switch (static_cast<errc>(reason.value())) {
        case errc::write_queue_full: return CloseCause::queue_full;
        case errc::message_too_large:
        case errc::incomplete_message:
        case errc::malformed_message: return CloseCause::bad_message;
        case errc::handler_failed: return CloseCause::failed;
        case errc::stopping: return CloseCause::stopping;
        default: return CloseCause::other;
    }
}

ReactorStats& ReactorStats::operator+=(const ReactorStats& other) noexcept {
    for (const auto& field : kCounts) this->*field.member += other.*field.member;
    for (const auto& field : kGauges) this->*field.member += other.*field.member;
    for (const auto& field : kWorst)
        this->*field.member = std::max(this->*field.member, other.*field.member);
    for (std::size_t i = 0; i < kCloseCauses; ++i) closed_by[i] += other.closed_by[i];
    timer_delay_total += other.timer_delay_total;
    return *this;
}

std::string to_json(const ReactorStats& stats) {
    std::string text = "{";
    const auto member = [&text](std::string_view name, const std::string& value) {
        if (text.back() != '{') text += ",";
        text.append("\"").append(name).append("\":").append(value);
    };
    for (const auto& field : kCounts) member(field.name, std::to_string(stats.*field.member));
    member(kLateness.name, std::to_string(stats.timer_delay_total.count()));
    for (const auto& field : kWorst)
        member(field.name, std::to_string((stats.*field.member).count()));
    for (const auto& field : kGauges) member(field.name, std::to_string(stats.*field.member));
    member("closed_by", "{");
    for_each_cause(stats, member);
    return text + "}}\n";
}

std::string to_prometheus(std::span<const ReactorStats> reactors) {
    Exposition out(reactors);
    const auto count = [](auto member) {
        return [member](const Stats& s, auto say) { say(std::to_string(s.*member)); };
    };
    const auto time = [](auto member) {
        return [member](const Stats& s, auto say) { say(seconds(s.*member)); };
    };
    for (const auto& field : kCounts)
        out.metric(std::string(field.name) + "_total", "counter", field.meaning,
                   count(field.member));
    out.metric("closed_by_total", "counter", "connections that ended, by cause",
               [](const Stats& s, auto say) {
                   for_each_cause(s, [&](const std::string& name, const std::string& value) {
                       say(value, "cause=\"" + name + "\"");
                   });
               });
    out.metric("timer_delay_seconds_total", "counter", kLateness.meaning, time(kLateness.member));
    for (const auto& field : kWorst)
        out.metric(std::string(field.name) + "_seconds", "gauge", field.meaning,
                   time(field.member));
    for (const auto& field : kGauges)
        out.metric(field.name, "gauge", field.meaning, count(field.member));
    return out.take();
}

}  // namespace switchboard
