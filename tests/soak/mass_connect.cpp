#include "mass_connect.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstring>
#include <switchboard/reactor.hpp>
#include <vector>

#include "churn_load.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kConnecting = 128;  // at the same time; a backlog must take them
constexpr std::chrono::seconds kMostTime{60};

// An OnceTally in the form in which it is sent through a pipe, in one write.
struct Report {
    std::size_t connected, connects_ended, answered, decided, ended, failed;
    FailureCounts failures;
    std::array<char, 200> first_failure;
};

Report packed(const OnceTally& t) {
    Report report{t.connected, t.connects_ended, t.answered, t.decided,
                  t.ended,     t.failed,         t.failures, {}};
    const std::size_t size = std::min(t.first_failure.size(), report.first_failure.size() - 1);
    std::memcpy(report.first_failure.data(), t.first_failure.data(), size);
    return report;
}

OnceTally unpacked(const Report& r) {
    return {r.connected, r.connects_ended, r.answered, r.decided,
            r.ended,     r.failed,         r.failures, r.first_failure.data()};
}

class Holder {
public:
    explicit Holder(const CrowdPlan& plan) : plan_(plan), once_(plan.size) {
        once_.asks_at_once = once_.closes = false;
        once_.on_change = [this] { changed(); };
    }

    OnceTally connect() {
        changed();
        run();
        return once_.tally;
    }

    OnceTally ask() {
        asked_ = true;
        for (std::size_t i = 0; i < clients_.size(); ++i) {
            Connection* const connection = reactor_.find(ids_[i]);
            if (connection != nullptr) clients_[i]->ask(*connection);
        }
        run();
        return once_.tally;
    }

private:
    // Runs until all is done, at most for kMostTime. The tally does not contain what happens later.
    void run() {
        if (is_over()) return;
        const TimerId end = reactor_.after(kMostTime, [this] { reactor_.stop(); });
        reactor_.run();
        reactor_.cancel(end);
    }

    bool is_over() const {
        const OnceTally& t = once_.tally;
        return (asked_ ? t.decided : t.connects_ended) == plan_.connections;
    }

    void changed() {
        const OnceTally& t = once_.tally;
        while (next_ < plan_.connections && next_ - t.connects_ended < kConnecting) connect_next();
        if (is_over()) reactor_.stop();
    }

    void connect_next() {
        const std::size_t number = plan_.first + next_++;
        auto client = std::make_unique<OnceClient>(once_, number);
        OnceClient* const made = client.get();
        options_.from = source_address(number);
        const auto id = reactor_.connect(plan_.target, std::move(client), options_);
        if (!id) return once_.never_started(id.error().message());
        clients_.push_back(made);
        ids_.push_back(*id);
    }

    const CrowdPlan& plan_;
    Once once_;
    ConnectOptions options_;
    std::vector<OnceClient*> clients_;
    std::vector<ConnectionId> ids_;  // of clients_; find() returns null after a client has ended
    std::size_t next_ = 0;
    bool asked_ = false;
    Reactor reactor_;  // last, because its destructor closes clients, which use once_
};

bool send_report(int to, const OnceTally& tally) {
    const Report report = packed(tally);
    return write(to, &report, sizeof report) == sizeof report;
}

// The child process. It inherits copies of the parent's other pipes. This does no harm, because the child
// does not outlive its parent.
[[noreturn]] void serve(const CrowdPlan& plan, int commands, int reports) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Holder holder(plan);
    char command = 0;
    if (send_report(reports, holder.connect()) && read(commands, &command, 1) == 1 &&
        send_report(reports, holder.ask())) {
        while (read(commands, &command, 1) > 0) {
        }
    }
    _exit(0);  // the system closes all connections
}

void close_if_open(int fd) {
    if (fd >= 0) close(fd);
}

}  // namespace

Result<Crowd> Crowd::start(const CrowdPlan& plan) {
    std::array<int, 2> commands{}, reports{};
    Crowd crowd;
    if (pipe2(commands.data(), O_CLOEXEC) != 0) return fail_errno("pipe");
    crowd.commands_ = commands[1];
    if (pipe2(reports.data(), O_CLOEXEC) != 0) {
        const auto failed = fail_errno("pipe");
        close(commands[0]);
        return failed;
    }
    crowd.reports_ = reports[0];
    crowd.pid_ = fork();
    if (crowd.pid_ == 0) {
        close(commands[1]);
        close(reports[0]);
        serve(plan, commands[0], reports[1]);
    }
    const auto forked = crowd.pid_ < 0 ? Result<void>(fail_errno("fork a load")) : Result<void>();
    close(commands[0]);
    close(reports[1]);
    if (!forked) return tl::unexpected(forked.error());
    return crowd;
}

Crowd::Crowd(Crowd&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      commands_(std::exchange(other.commands_, -1)),
      reports_(std::exchange(other.reports_, -1)) {}

Crowd::~Crowd() {
    close_if_open(commands_);
    close_if_open(reports_);
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);  // the child only holds connections, so nothing is lost
    waitpid(pid_, nullptr, 0);
}

Result<void> Crowd::ask() {
    if (write(commands_, "?", 1) == 1) return {};
    return fail_errno("tell a load to go on");
}

Result<OnceTally> Crowd::report(std::chrono::steady_clock::time_point deadline) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{reports_, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0)
        return fail(std::make_error_code(std::errc::timed_out), "wait for a load");
    Report report{};
    if (read(reports_, &report, sizeof report) == sizeof report) return unpacked(report);
    return fail(errc::incomplete_message, "a load ended before its time");
}

}  // namespace switchboard::bench
