#include "generator.hpp"

#include <ctime>
#include <switchboard/reactor.hpp>

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kConnecting =
    128;  // at a time: more would overrun a backlog of 511 in bursts
constexpr milliseconds kTick{50};
constexpr milliseconds kConnectTimeout{3'000};  // two lost SYNs (RFC 6298: 1 s, then 2 s)

double cpu_seconds() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

class Run {
public:
    Run(const LoadPlan& plan, const LoadHooks& hooks)
        : plan_(plan), hooks_(hooks), load_(plan.size, plan.depth, Clock::now) {
        // A closed loop bounds what is under way, so the marks need only be out of its way.
        const std::size_t under_way = plan.size * plan.depth;
        options_.limits.low_water = under_way + options_.limits.low_water;
        options_.limits.high_water = 2 * under_way + options_.limits.high_water;
        options_.limits.max_queued = 2 * under_way + options_.limits.max_queued;
        options_.limits.connect_timeout = kConnectTimeout;
    }

    LoadResult run() {
        load_.on_change = [this] { changed(); };
        load_.on_window_end = [this] { close_window(); };
        tick_ = reactor_.every(kTick, [this] { tick(); });
        changed();
        reactor_.run();
        result_.tally = load_.tally();
        return std::move(result_);
    }

private:
    void changed() {
        changed_at_ = Clock::now();
        while (next_ < plan_.connections && next_ - load_.connects_ended() < kConnecting) {
            connect_next();
        }
    }

    void connect_next() {
        const auto started =
            reactor_.connect(plan_.target, std::make_unique<EchoLoad>(load_, next_), options_);
        if (!started) load_.never_started(started.error().message());
        ++next_;
    }

    void tick() {
        if (hooks_.interrupted()) {
            result_.interrupted = true;
            finish();
        } else if (!begun_ && (load_.decided() == plan_.connections ||
                               Clock::now() - changed_at_ >= plan_.settle)) {
            begun_ = true;
            hooks_.all_connected();
            load_.start();
            step_ = reactor_.after(plan_.warm_up, [this] { open_window(); });
        }
    }

    void open_window() {
        hooks_.window_opens();
        load_.open_window(plan_.duration);
        cpu_at_opening_ = cpu_seconds();
        opened_at_ = Clock::now();
        // Should no reply come that could end it.
        step_ = reactor_.after(plan_.duration + kTick, [this] { close_window(); });
    }

    void close_window() {
        result_.seconds = std::chrono::duration<double>(Clock::now() - opened_at_).count();
        result_.cpu_seconds = cpu_seconds() - cpu_at_opening_;
        hooks_.window_closes();
        finish();
    }

    void finish() {
        load_.stop();
        reactor_.cancel(tick_);
        reactor_.cancel(step_);
        reactor_.drain(milliseconds(0), [](std::size_t) {});
    }

    const LoadPlan& plan_;
    const LoadHooks& hooks_;
    Load load_;
    LoadResult result_;
    ConnectOptions options_;
    std::size_t next_ = 0;
    Clock::time_point changed_at_{}, opened_at_{};
    double cpu_at_opening_ = 0;
    bool begun_ = false;
    TimerId tick_{}, step_{};
    Reactor reactor_;  // last: its destructor closes clients, which count in load_
};

}  // namespace

LoadResult run_load(const LoadPlan& plan, const LoadHooks& hooks) {
    return Run(plan, hooks).run();
}

}  // namespace switchboard::bench
