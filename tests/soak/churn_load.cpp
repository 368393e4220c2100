#include "churn_load.hpp"

#include <ctime>
#include <switchboard/reactor.hpp>

namespace switchboard::bench {
namespace {

constexpr std::chrono::seconds kTimeout{10};

double thread_cpu() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

class Churn {
public:
    explicit Churn(const ChurnPlan& plan) : plan_(plan), once_(plan.size) {
        options_.limits.idle_timeout = kTimeout;
        options_.limits.connect_timeout = kTimeout;
    }

    ChurnResult run() {
        once_.on_change = [this] { connect_more(); };
        const auto began = Clock::now();
        const double cpu_before = thread_cpu();
        connect_more();
        reactor_.run();
        ChurnResult result{once_.tally};
        result.seconds = std::chrono::duration<double>(Clock::now() - began).count();
        result.cpu_seconds = thread_cpu() - cpu_before;
        return result;
    }

private:
    void connect_more() {
        while (next_ < plan_.connections && next_ - once_.tally.ended < plan_.parallel) {
            options_.from = source_address(next_);
            auto client = std::make_unique<OnceClient>(once_, next_++);
            const auto made = reactor_.connect(plan_.target, std::move(client), options_);
            if (!made) once_.never_started(made.error().message());
        }
    }

    const ChurnPlan& plan_;
    Once once_;
    ConnectOptions options_;
    std::size_t next_ = 0;
    Reactor reactor_;  // last, because its destructor closes clients, which use once_
};

}  // namespace

ChurnResult run_churn(const ChurnPlan& plan) {
    return Churn(plan).run();
}

}  // namespace switchboard::bench
