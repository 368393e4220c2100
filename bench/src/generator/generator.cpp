#include "generator/generator.hpp"

#include <uv.h>
#include <exception>

#include "base/cpu_clock.hpp"
#include "base/parse.hpp"
#include "load/arrivals.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{50}, kDrainTick{5};
constexpr std::size_t kMostInFlight = 64 * 1024 * 1024;  // bytes of one connection
constexpr std::size_t kMostRequests = 16'000'000;
constexpr double kMostDue = 100e6;  // if the server answers none, each waits in 8 bytes

// The loop that the reactor and the pacer share.
class HostLoop {
public:
    HostLoop() {
        if (const int error = uv_loop_init(&loop_); error != 0)
            throw std::system_error(-error, std::system_category(), "uv_loop_init");
    }
    ~HostLoop() {
        uv_run(&loop_, UV_RUN_DEFAULT);  // close callbacks
        uv_loop_close(&loop_);
    }
    HostLoop(const HostLoop&) = delete;
    HostLoop& operator=(const HostLoop&) = delete;
    uv_loop_t* get() { return &loop_; }

private:
    uv_loop_t loop_{};
};

class LoadRun {
public:
    LoadRun(const LoadPlan& plan, const LoadHooks& hooks) : plan_(plan), hooks_(hooks) {}

    // Groups connect in this order. The measured one is the last.
    Result<void> prepare() {
        std::vector<GroupPlan> plans = plan_.background;
        plans.push_back(plan_.group);
        plans.back().open_loop = is_open_loop();
        for (const GroupPlan& plan : plans) {
            auto group = LoadGroup::make(plan);
            if (!group) return tl::unexpected(group.error());
            groups_.push_back(*std::move(group));
        }
        load().on_window_end = [this] { guard([this] { close_window(); }); };
        load().on_all_answered = [this] {
            if (closed_) guard([this] { finish(); });
        };
        return is_open_loop() ? make_pacer() : Result<void>();
    }

    LoadResult run() {
        tick_ = reactor_->every(kTick, [this] { guard([this] { tick(); }); });
        groups_.front()->connect(*reactor_, plan_.target);
        while (!over_) uv_run(loop_.get(), UV_RUN_ONCE);
        if (thrown_) std::rethrow_exception(thrown_);
        result_.tally = closed_ ? load().tally() : load().tally().without_window();
        for (std::size_t i = 0; i + 1 < groups_.size(); ++i)
            result_.background.push_back(groups_[i]->load().tally());
        if (pacer_) result_.lateness = pacer_->lateness();
        return std::move(result_);
    }

private:
    bool is_open_loop() const { return plan_.rate > 0; }
    Load& load() { return groups_.back()->load(); }

    Result<void> make_pacer() {
        auto made = Pacer::make(loop_.get(), Schedule(plan_.rate, plan_.arrivals, plan_.seed),
                                [this](Clock::time_point when) { load().due(when); });
        if (!made) return tl::unexpected(made.error());
        pacer_ = *std::move(made);
        return {};
    }

    // An exception in a callback of the reactor would be lost, so it is kept, and ends the run.
    template <class Step>
    void guard(Step step) {
        try {
            step();
        } catch (...) {
            thrown_ = std::current_exception();
            finish();
        }
    }

    void tick() {
        if (hooks_.interrupted(load().tally())) {
            interrupt();
        } else if (ready_ < groups_.size() && groups_[ready_]->is_ready(plan_.quiet_period)) {
            if (++ready_ < groups_.size()) {
                groups_[ready_]->connect(*reactor_, plan_.target);
            } else {
                start();
            }
        } else if (started_ && !closed_ && !finishing_ && !groups_.back()->is_alive()) {
            abandon();
        }
    }

    // No connection is left: the window ends with the last one.
    void abandon() {
        result_.abandoned = true;
        if (pacer_) pacer_->stop();
        if (opened_at_ != Clock::time_point{}) {
            const auto end = load().cut_window();
            note_window();
            const std::chrono::duration<double> seconds = end - opened_at_;
            result_.seconds = std::max(seconds.count(), 0.0);
            load().give_up();
        }
        finish();
    }

    // Requests that are not answered by then count as unanswered.
    void interrupt() {
        result_.interrupted = true;
        note_window();
        if (is_open_loop() && closed_) load().give_up();
        finish();
    }

    void start() {
        if (load().tally().connected == 0) return finish();
        started_ = true;
        hooks_.all_connected();
        for (const auto& group : groups_) group->load().start();
        if (pacer_) pacer_->start();
        step_ = reactor_->after(plan_.warm_up, [this] { guard([this] { open_window(); }); });
    }

    void open_window() {
        hooks_.window_opens();
        if (pacer_) pacer_->reset_lateness();
        cpu_at_opening_ = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
        opened_at_ = Clock::now();
        load().open_window(plan_.duration, plan_.exchanges);
        // In a closed loop, this timer is for the case that no reply comes to end the window.
        const auto grace = is_open_loop() ? milliseconds(1) : kTick;
        step_ =
            reactor_->after(plan_.duration + grace, [this] { guard([this] { close_window(); }); });
    }

    void note_window() {
        if (opened_at_ == Clock::time_point{} || closed_) return;
        closed_ = true;
        const std::chrono::duration<double> lasted = Clock::now() - opened_at_;
        // An open loop counts by the clock, up to the end of the window.
        const std::chrono::duration<double> most = plan_.duration;
        result_.lasted = lasted.count();
        result_.bytes = load().tally().bytes;
        result_.seconds = is_open_loop() ? std::min(lasted, most).count() : lasted.count();
        result_.cpu_seconds = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_at_opening_;
        hooks_.window_closes();
        if (!is_open_loop()) load().count_starved();
    }

    void close_window() {
        if (closed_) return;
        if (is_open_loop()) pacer_->fire_until(load().window_ends());
        note_window();
        if (!is_open_loop()) {
            reactor_->cancel(step_);
            load().end_window();
            return drain(Clock::now() + plan_.patience);
        }
        if (load().all_answered()) return finish();
        pacer_->stop();
        if (!load().is_alive()) return give_up();
        step_ = reactor_->after(plan_.patience, [this] { guard([this] { give_up(); }); });
    }

    void give_up() {
        load().give_up();
        finish();
    }

    // Closed loop: waits for the last replies, to separate a server that hangs from a slow one.
    void drain(Clock::time_point deadline) {
        if (Clock::now() >= deadline || !groups_.back()->is_alive()) return give_up();
        if (load().in_flight() == 0) return finish();
        step_ = reactor_->after(kDrainTick,
                                [this, deadline] { guard([this, deadline] { drain(deadline); }); });
    }

    // The run ends here in any case; the exception is rethrown there.
    void come_to_rest() {
        try {
            hooks_.at_rest();
        } catch (...) {
            thrown_ = std::current_exception();
        }
    }

    void finish() {
        if (finishing_) return;
        finishing_ = true;
        if (pacer_) pacer_->stop();
        for (const auto& group : groups_) group->load().stop();
        if (closed_) come_to_rest();
        reactor_->cancel(tick_);
        reactor_->cancel(step_);
        reactor_->drain(milliseconds(0), [this](std::size_t) { over_ = true; });
    }

    const LoadPlan& plan_;
    const LoadHooks& hooks_;
    LoadResult result_;
    Clock::time_point opened_at_{};
    double cpu_at_opening_ = 0;
    std::size_t ready_ = 0;  // groups
    std::exception_ptr thrown_;
    bool started_ = false, closed_ = false, finishing_ = false, over_ = false;
    TimerId tick_{}, step_{};
    HostLoop loop_;
    std::vector<std::unique_ptr<LoadGroup>> groups_;
    std::unique_ptr<Pacer> pacer_;
    // Last: its destructor closes clients, which count in their loads.
    std::unique_ptr<Reactor> reactor_ = std::make_unique<Reactor>(loop_.get());
};

// Checks the plan across its groups. They have been made, so their workloads exist.
Result<void> check_together(const LoadPlan& plan) {
    using Manner = WorkloadKind::Manner;
    const WorkloadKind& kind = *find_workload_kind(plan.group.workload);
    for (const GroupPlan& background : plan.background) {
        const WorkloadKind& other = *find_workload_kind(background.workload);
        if (other.protocol == kind.protocol || other.name == "idle") continue;
        return bad_option("--background {}: its protocol is {}, and that of {} is {}",
                          background.workload, other.protocol, plan.group.workload, kind.protocol);
    }
    const std::string& name = plan.group.workload;
    const bool idles = kind.manner == Manner::idles;
    if (plan.group.depth > 1 && (idles || kind.manner == Manner::connects))
        return bad_option("--depth: workload {} has at most one request in flight", name);
    if (plan.rate > 0 && (idles || kind.is_stream()))
        return bad_option("--rate: workload {} has no requests", name);
    if (plan.exchanges == 0) return bad_option("--exchanges 0: must be at least 1");
    const std::size_t depth = std::max<std::size_t>(plan.group.depth, 1);
    if (plan.group.size > kMostInFlight / depth)
        return bad_option("--size {}: size times depth is above 64 MiB", plan.group.size);
    if (plan.group.connections > kMostRequests / depth)
        return bad_option("--connections {}: connections times depth is above 16 million",
                          plan.group.connections);
    const std::chrono::duration<double> seconds = plan.warm_up + plan.duration;
    if (plan.rate * seconds.count() > kMostDue)
        return bad_option("--rate {:.0f}: rate times duration is above 100 million requests",
                          plan.rate);
    if (plan.rate > 0 && plan.exchanges != Load::kNoEnd)
        return bad_option("--exchanges excludes --rate");
    return {};
}

}  // namespace

std::size_t all_connections(const LoadPlan& plan) {
    std::size_t all = plan.group.connections;
    for (const GroupPlan& background : plan.background) all += background.connections;
    return all;
}

Result<void> check(const LoadPlan& plan) {
    std::vector<GroupPlan> groups = plan.background;
    groups.push_back(plan.group);
    for (const GroupPlan& group : groups) {
        if (auto made = LoadGroup::make(group); !made) return tl::unexpected(made.error());
    }
    return check_together(plan);
}

Result<LoadResult> run_load(const LoadPlan& plan, const LoadHooks& hooks) try {
    LoadRun run(plan, hooks);
    if (auto prepared = run.prepare(); !prepared) return tl::unexpected(prepared.error());
    if (auto fits = check_together(plan); !fits) return tl::unexpected(fits.error());
    return run.run();
} catch (const std::system_error& error) {
    return fail(error.code(), "generate load");
}

}  // namespace switchboard::bench
