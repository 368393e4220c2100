#include "generator.hpp"

#include <uv.h>
#include <cmath>
#include <ctime>
#include <exception>
#include <optional>

#include "pacer.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{50};
constexpr std::size_t kMostUnderWay = 64 * 1024 * 1024;  // bytes of one connection
constexpr std::size_t kMostRequests = 16'000'000;
constexpr double kMostDue = 100e6;  // where the server answers none, each waits in 8 bytes

double cpu_seconds() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

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

class Run {
public:
    Run(const LoadPlan& plan, const LoadHooks& hooks) : plan_(plan), hooks_(hooks) {}

    // In the order in which they connect: what is measured is the last.
    Result<void> prepare() {
        std::vector<GroupPlan> plans = plan_.beside;
        plans.push_back(plan_.group);
        plans.back().open_loop = is_open_loop();
        for (const GroupPlan& plan : plans) {
            auto group = LoadGroup::make(plan);
            if (!group) return tl::unexpected(group.error());
            groups_.push_back(*std::move(group));
        }
        load().on_window_end = [this] { guard([this] { close_window(); }); };
        load().on_settled = [this] {
            if (closed_) guard([this] { finish(); });
        };
        return is_open_loop() ? make_pacer() : Result<void>();
    }

    LoadResult run() {
        tick_ = reactor_->every(kTick, [this] { guard([this] { tick(); }); });
        groups_.front()->connect(*reactor_, plan_.target);
        while (!over_) uv_run(loop_.get(), UV_RUN_ONCE);
        if (thrown_) std::rethrow_exception(thrown_);
        if (closed_) result_.tally = load().tally();
        if (!closed_) result_.tally = load().tally().without_window();
        for (std::size_t i = 0; i + 1 < groups_.size(); ++i)
            result_.beside.push_back(groups_[i]->load().tally());
        result_.exchange_size = groups_.back()->workload().exchange_size();
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

    // What is thrown in a callback of the reactor ends there, and the run with it.
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
        } else if (ready_ < groups_.size() && groups_[ready_]->is_ready(plan_.settle)) {
            if (++ready_ < groups_.size()) {
                groups_[ready_]->connect(*reactor_, plan_.target);
            } else {
                start();
            }
        }
    }

    // What is not answered by then is not forgiven.
    void interrupt() {
        result_.interrupted = true;
        note_window();
        if (is_open_loop() && closed_) load().give_up();
        finish();
    }

    void start() {
        if (load().tally().connected == 0) return finish();
        hooks_.all_connected();
        for (const auto& group : groups_) group->load().start();
        if (pacer_) pacer_->start();
        step_ = reactor_->after(plan_.warm_up, [this] { guard([this] { open_window(); }); });
    }

    void open_window() {
        hooks_.window_opens();
        if (pacer_) pacer_->reset_lateness();
        cpu_at_opening_ = cpu_seconds();
        opened_at_ = Clock::now();
        load().open_window(plan_.duration, plan_.exchanges);
        // Of a closed loop this is for the case that no reply comes that could end it.
        const auto grace = is_open_loop() ? milliseconds(1) : kTick;
        step_ =
            reactor_->after(plan_.duration + grace, [this] { guard([this] { close_window(); }); });
    }

    void note_window() {
        if (opened_at_ == Clock::time_point{} || closed_) return;
        closed_ = true;
        const std::chrono::duration<double> lasted = Clock::now() - opened_at_;
        // An open loop counts by the clock, up to the end of the window and no further.
        const std::chrono::duration<double> most = plan_.duration;
        result_.lasted = lasted.count();
        result_.seconds = is_open_loop() ? std::min(lasted, most).count() : lasted.count();
        result_.cpu_seconds = cpu_seconds() - cpu_at_opening_;
        hooks_.window_closes();
        if (!is_open_loop()) load().count_stuck();
    }

    void close_window() {
        if (is_open_loop()) pacer_->tell_until(load().window_ends());
        note_window();
        if (!is_open_loop() || load().settled()) {
            finish();
            return;
        }
        pacer_->stop();
        if (!load().is_alive()) {
            load().give_up();
            finish();
            return;
        }
        step_ = reactor_->after(plan_.patience, [this] {
            guard([this] {
                load().give_up();
                finish();
            });
        });
    }

    // What is thrown here is thrown where a run ends already.
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
    bool closed_ = false, finishing_ = false, over_ = false;
    TimerId tick_{}, step_{};
    HostLoop loop_;
    std::vector<std::unique_ptr<LoadGroup>> groups_;
    std::unique_ptr<Pacer> pacer_;
    // Last: its destructor closes clients, which count in their loads.
    std::unique_ptr<Reactor> reactor_ = std::make_unique<Reactor>(loop_.get());
};

}  // namespace

std::size_t all_connections(const LoadPlan& plan) {
    std::size_t all = plan.group.connections;
    for (const GroupPlan& beside : plan.beside) all += beside.connections;
    return all;
}

namespace {

// What no group by itself can know. They have been made, so there is such a workload.
Result<void> check_together(const LoadPlan& plan) {
    const WorkloadKind& kind = *find_workload_kind(plan.group.workload);
    for (const GroupPlan& beside : plan.beside) {
        const WorkloadKind& other = *find_workload_kind(beside.workload);
        if (other.protocol == kind.protocol || other.name == "idle") continue;
        return fail(errc::bad_option, "--beside " + beside.workload + ": speaks " +
                                          std::string(other.protocol) + ", and " +
                                          plan.group.workload + " " + std::string(kind.protocol));
    }
    if (plan.group.depth > 1 && kind.manner != WorkloadKind::Manner::asks)
        return fail(errc::bad_option,
                    "--depth: " + plan.group.workload + " has one request at a time at most");
    if (plan.rate > 0 && (kind.is_stream || kind.manner == WorkloadKind::Manner::idles))
        return fail(errc::bad_option, "--rate: " + plan.group.workload + " has no requests");
    if (plan.exchanges == 0) return fail(errc::bad_option, "--exchanges 0: at least 1");
    const std::size_t depth = std::max<std::size_t>(plan.group.depth, 1);
    if (plan.group.size > kMostUnderWay / depth)
        return fail(errc::bad_option, "--size " + std::to_string(plan.group.size) +
                                          ": times --depth it is more than 64 MiB");
    if (plan.group.connections > kMostRequests / depth)
        return fail(errc::bad_option, "--connections " + std::to_string(plan.group.connections) +
                                          ": times --depth more than 16 million");
    const std::chrono::duration<double> seconds = plan.warm_up + plan.duration;
    if (plan.rate * seconds.count() > kMostDue)
        return fail(errc::bad_option, "--rate " + std::to_string(std::llround(plan.rate)) +
                                          ": with --duration more than 100 million requests");
    if (plan.rate > 0 && plan.exchanges != Load::kNoEnd)
        return fail(errc::bad_option, "--exchanges: not with --rate, which ends by the clock");
    return {};
}

}  // namespace

Result<void> check(const LoadPlan& plan) {
    std::vector<GroupPlan> groups = plan.beside;
    groups.push_back(plan.group);
    for (const GroupPlan& group : groups) {
        if (auto made = LoadGroup::make(group); !made) return tl::unexpected(made.error());
    }
    return check_together(plan);
}

Result<LoadResult> run_load(const LoadPlan& plan, const LoadHooks& hooks) try {
    Run run(plan, hooks);
    if (auto prepared = run.prepare(); !prepared) return tl::unexpected(prepared.error());
    if (auto fits = check_together(plan); !fits) return tl::unexpected(fits.error());
    return run.run();
} catch (const std::system_error& error) {
    return fail(error.code(), "generate load");
}

}  // namespace switchboard::bench
