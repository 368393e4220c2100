#include "generator/group.hpp"

#include "base/parse.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kConnecting = 128;  // more at a time would overrun a backlog of 511
constexpr std::size_t kSources = 250;
constexpr milliseconds kConnectTimeout{3'000};  // two lost SYNs (RFC 6298: 1 s, then 2 s)

Pace pace_of(const WorkloadKind& kind, const GroupPlan& plan) {
    using Manner = WorkloadKind::Manner;
    Pace pace{.depth = plan.depth, .open_loop = plan.open_loop};
    if (kind.manner == Manner::idles) pace.depth = 0;
    if (kind.manner == Manner::connects) pace = {1, 1, plan.open_loop};
    return pace;
}

// The load limits what is in flight, so the marks must only be high enough.
ConnectionLimits limits_for(std::size_t in_flight) {
    ConnectionLimits limits;
    limits.low_water = in_flight + limits.low_water;
    limits.high_water = 2 * in_flight + limits.high_water;
    limits.max_write_buffer = 3 * in_flight + limits.max_write_buffer;
    limits.connect_timeout = kConnectTimeout;
    return limits;
}

}  // namespace

Endpoint source_address(std::size_t n) {
    return Endpoint::tcp("127.0.0." + std::to_string(1 + n % kSources), 0);
}

Result<GroupPlan> parse_background(const std::string& text, std::size_t size) {
    const auto colon = text.find(':');
    const auto count = parse_count(colon == std::string::npos ? "" : text.substr(colon + 1));
    if (!count || *count == 0)
        return bad_option("invalid --background '{}'; an example is idle:100", text);
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
        return bad_option("unknown workload '{}'; available: {}", plan.workload, list_workloads());
    auto workload = kind->make({plan.size, plan.reply, plan.connections, plan.script});
    if (!workload) return tl::unexpected(workload.error());
    std::unique_ptr<LoadGroup> group(
        new LoadGroup(plan, pace_of(*kind, plan), *std::move(workload)));
    if (auto used = plan.tls ? group->use_tls() : Result<void>(); !used)
        return tl::unexpected(used.error());
    return group;
}

// Sessions are not resumed, so that short connections have the same handshake for every server.
Result<void> LoadGroup::use_tls() {
    tls::ClientOptions options;
    options.common.limits = options_.limits;
    options.verify = false;
    options.max_sessions = 0;
    return tls::Client::make(options).map([&](tls::Client client) { tls_ = std::move(client); });
}

std::unique_ptr<Protocol> LoadGroup::protocol_of(std::unique_ptr<LoadClient> client) const {
    if (tls_) return tls_->wrap("localhost", std::move(client));
    return client;
}

LoadGroup::LoadGroup(GroupPlan plan, const Pace& pace, std::unique_ptr<Workload> workload)
    : plan_(std::move(plan)), workload_(std::move(workload)), load_(pace, Clock::now) {
    options_.limits = limits_for(workload_->request_size() * std::max<std::size_t>(pace.depth, 1));
    load_.on_change = [this] { changed(); };
    load_.on_reopen = [this](std::size_t number, Clock::time_point due) {
        auto client = workload_->client(load_, number);
        client->created(due);
        connect_one(std::move(client));
    };
}

void LoadGroup::connect(Reactor& reactor, const Endpoint& target) {
    reactor_ = &reactor;
    target_ = target;
    // Each short connection leaves a port in TIME_WAIT, and one address has at most 28,000.
    takes_turns_ = load_.pace().per_connection > 0 && target.host().starts_with("127.");
    changed();
}

bool LoadGroup::is_ready(milliseconds quiet_period) const {
    return load_.decided() == plan_.connections || Clock::now() - changed_at_ >= quiet_period;
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
    const std::size_t in_flight = next_ - std::min(next_, load_.connects_ended());
    return next_ + 1 == plan_.connections ? in_flight == 0 : in_flight < kConnecting;
}

void LoadGroup::connect_one(std::unique_ptr<LoadClient> client) {
    if (takes_turns_) options_.from = source_address(started_);
    ++started_;
    const std::size_t number = client->number();
    const auto started = reactor_->connect(target_, protocol_of(std::move(client)), options_);
    if (!started) load_.never_started(number, started.error().message());
}

}  // namespace switchboard::bench
