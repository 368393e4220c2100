// A pool of processes, forked before the first connection.
#include <csignal>
#include <vector>

#include "processes.hpp"
#include "shared_stats.hpp"

namespace switchboard {
namespace {

using namespace detail;
using namespace std::chrono_literals;

// The time between two rounds of replacing workers. A worker that dies at once must not keep the machine
// busy with forks.
constexpr auto kBackOff = 100ms;

class ProcessPool {
public:
    ProcessPool(Server& server, ChildGroup& children, SharedStats& stats, ShutdownControl& shutdown)
        : server_(server),
          children_(children),
          stats_(stats),
          shutdown_(shutdown),
          workers_(server.workers(), 0) {}

    Result<void> serve() {
        auto filled = fill();
        if (!filled && children_.count() == 0) return filled;
        while (!server_.stop().draining()) {
            wait_and_reap(children_, server_.stop().drain_fd(), wake_at(), on_ended_);
            stats_.publish(server_.stats());
            if (Clock::now() >= fill_at_) fill();
        }
        children_.signal(SIGTERM);  // workers that serve a connection then close the listener
        server_.listener().close();
        drain_children(server_, children_, shutdown_, on_ended_);
        stats_.publish(server_.stats());
        return {};
    }

private:
    bool full() const { return children_.count() == workers_.size(); }
    Clock::time_point wake_at() const { return full() ? kNever : fill_at_; }

    // Starts the workers that are missing.
    Result<void> fill() {
        if (full()) return {};
        fill_at_ = Clock::now() + kBackOff;
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            if (workers_[i] != 0) continue;
            const auto child = children_.spawn([this, i] { return work(i); }, &server_.listener());
            if (!child) {
                server_.log(LogLevel::error, child.error());
                return tl::unexpected(child.error());
            }
            workers_[i] = *child;
            ++started_;
        }
        return {};
    }

    // In the child.
    int work(std::size_t worker) {
        server_.count_in(stats_.of(worker));
        const auto served = server_.serve_in_turn(started_, shutdown_, children_.parent_fd());
        if (served) return 0;
        server_.log(LogLevel::error, served.error());
        return 1;
    }

    void count_out(const EndedChild& ended) {
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            if (workers_[i] != ended.pid) continue;
            workers_[i] = 0;
            stats_.retire(i, server_.stop().draining());
        }
        if (ended.exit_status != 0) server_.log(LogLevel::error, ended);
    }

    Server& server_;
    ChildGroup& children_;
    SharedStats& stats_;
    ShutdownControl& shutdown_;
    std::vector<pid_t> workers_;  // 0: must be started
    std::uint32_t started_ = 0;  // workers started so far; the slot in the ids of their connections
    Clock::time_point fill_at_;
    const EndedCallback on_ended_ = [this](const EndedChild& ended) { count_out(ended); };
};

}  // namespace

Result<void> serve_process_pool(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                                const ServeOptions& options) {
    if (auto fit = check(factory, options); !fit) return fit;
    Server server(std::move(listener), factory, stop, options);
    const auto shutdown = ShutdownControl::create();
    if (!shutdown) return tl::unexpected(shutdown.error());
    const auto children = ChildGroup::create();
    if (!children) return tl::unexpected(children.error());
    const auto stats = SharedStats::create(server.workers());
    if (!stats) return tl::unexpected(stats.error());
    return ProcessPool(server, **children, **stats, **shutdown).serve();
}

}  // namespace switchboard
