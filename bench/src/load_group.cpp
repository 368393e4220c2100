#include "load_group.hpp"

#include "churn_load.hpp"
#include "lists.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kConnecting = 128;        // more at a time would overrun a backlog of 511
constexpr milliseconds kConnectTimeout{3'000};  // two lost SYNs (RFC 6298: 1 s, then 2 s)

Pace pace_of(const WorkloadKind& kind, const GroupPlan& plan) {
    using Manner = WorkloadKind::Manner;
    Pace pace{.depth = plan.depth, .open_loop = plan.open_loop};
    if (kind.manner == Manner::idles) pace.depth = 0;
    if (kind.manner == Manner::connects) pace = {1, 1, plan.open_loop};
    return pace;
}

// What is under way is bounded by the load itself, so the marks need only be out of its way.
Limits limits_for(std::size_t under_way) {
    Limits limits;
    limits.low_water = under_way + limits.low_water;
    limits.high_water = 2 * under_way + limits.high_water;
    limits.max_queued = 3 * under_way + limits.max_queued;
    limits.connect_timeout = kConnectTimeout;
    return limits;
}

}  // namespace

Result<GroupPlan> parse_beside(const std::string& text, std::size_t size) {
    const auto colon = text.find(':');
    const auto count = parse_count(colon == std::string::npos ? "" : text.substr(colon + 1));
    if (!count || *count == 0)
        return fail(
            errc::bad_option,
            "--beside " + text + ": not WORKLOAD:CONNECTIONS, as idle:100, of one at least");
    GroupPlan plan{.workload = text.substr(0, colon), .connections = *count, .size = size};
    if (plan.workload == "slow-reader") {
        plan.size = 16 * 1024;
        plan.depth = 64;
    }
    return plan;
}

Result<std::unique_ptr<LoadGroup>> LoadGroup::make(const GroupPlan& plan) {
    const WorkloadKind* const kind = find_workload_kind(plan.workload);
    if (kind == nullptr)
        return fail(errc::bad_option,
                    "no workload '" + plan.workload + "': there is " + list_workloads());
    auto workload = kind->make({plan.size, plan.reply, plan.connections});
    if (!workload) return tl::unexpected(workload.error());
    return std::unique_ptr<LoadGroup>(
        new LoadGroup(plan, pace_of(*kind, plan), *std::move(workload)));
}

LoadGroup::LoadGroup(GroupPlan plan, const Pace& pace, std::unique_ptr<Workload> workload)
    : plan_(std::move(plan)), workload_(std::move(workload)), load_(pace, Clock::now) {
    options_.limits = limits_for(workload_->request_size() * std::max<std::size_t>(pace.depth, 1));
    load_.on_change = [this] { changed(); };
    load_.on_reopen = [this](std::size_t number, Clock::time_point due) {
        auto client = workload_->client(load_, number);
        client->born(due);
        connect_one(std::move(client));
    };
}

void LoadGroup::connect(Reactor& reactor, const Endpoint& target) {
    reactor_ = &reactor;
    target_ = target;
    // Of short connections each leaves a port in TIME_WAIT, and one address has no more than 28,000.
    takes_turns_ = load_.pace().per_connection > 0 && target.host().starts_with("127.");
    changed();
}

bool LoadGroup::is_ready(milliseconds settle) const {
    return load_.decided() == plan_.connections || Clock::now() - changed_at_ >= settle;
}

void LoadGroup::changed() {
    changed_at_ = Clock::now();
    while (may_connect()) {
        connect_one(workload_->client(load_, next_));
        ++next_;
    }
}

bool LoadGroup::may_connect() const {
    if (load_.stopped() || next_ == plan_.connections) return false;
    const std::size_t under_way = next_ - std::min(next_, load_.connects_ended());
    return next_ + 1 == plan_.connections ? under_way == 0 : under_way < kConnecting;
}

void LoadGroup::connect_one(std::unique_ptr<LoadClient> client) {
    if (takes_turns_) options_.from = source_address(connects_++);
    const std::size_t number = client->number();
    const auto started = reactor_->connect(target_, std::move(client), options_);
    if (!started) load_.never_started(number, started.error().message());
}

}  // namespace switchboard::bench
