// Starts, watches, replaces and drains worker processes.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <csignal>
#include <deque>
#include <switchboard/workers.hpp>
#include <vector>

#include "base/counted.hpp"
#include "child_group.hpp"
#include "platform/platform.hpp"
#include "shared_memory.hpp"
#include "wait.hpp"
#include "worker_page.hpp"

namespace switchboard {

namespace {

using namespace detail;
using namespace std::chrono_literals;

constexpr std::size_t kMostEnds = 5;  // ends within kWithin, after which no worker is replaced
constexpr auto kWithin = 60'000ms, kFirstBackOff = 100ms, kMostBackOff = 10'000ms;
constexpr auto kDrainGrace = 2000ms, kEndGrace = 1000ms;
constexpr auto kLook = 1ms;       // between two looks for a child that has closed its pipe
constexpr auto kLookFor = 100ms;  // then the usual sweep finds it

std::string lost(std::size_t connections) {
    return counted(connections, "connection") + " lost";
}

std::string how(const EndedChild& child) {
    if (child.signal) return " ended by signal " + std::to_string(*child.signal);
    if (child.exit_status) return " ended with status " + std::to_string(*child.exit_status);
    return " ended with an unknown status";
}

// Reads what is in the pipe, without waiting. Returns false if nothing more will come.
template <class Take>
bool read_all(int pipe, Take take) {
    std::array<char, 512> text{};
    pollfd entry{pipe, POLLIN, 0};
    while (::poll(&entry, 1, 0) > 0) {
        const ssize_t got = ::read(pipe, text.data(), text.size());
        if (got <= 0) return false;
        take(std::string_view(text.data(), static_cast<std::size_t>(got)));
    }
    return true;
}

}  // namespace

class Supervisor {
public:
    Supervisor(const WorkerMain& work, const Stop& stop, const SupervisorOptions& options,
               ChildGroup& children, Shared<WorkerPage> pages)
        : work_(work),
          stop_(stop),
          options_(options),
          children_(children),
          pages_(std::move(pages)),
          slots_(options.workers) {}
    ~Supervisor() {
        for (Slot& slot : slots_) close_pipe(slot);
    }
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    WorkerOutcome run() {
        while (!stop_.draining() && !failed_) {
            start_due();
            if (!failed_) wait(stop_.drain_fd(), next_start());
        }
        if (options_.on_drain) options_.on_drain();
        draining_ = true;
        if (is_ready_ || !failed_) drain();
        end();
        if (failed_) return tl::unexpected(*failed_);
        return {};
    }

private:
    struct Slot {
        pid_t pid = 0;  // 0: must be started
        int pipe = -1;  // from the worker, -1 once it has hung up
        bool ready = false, started = false;
        std::string text = {};  // of the worker's error
        Clock::time_point start_at = {};
        Clock::time_point look_until = {};   // its pipe has hung up, so it should end before
        std::chrono::milliseconds delay{0};  // before the last attempt, while all have failed
    };

    std::size_t index_of(const Slot& slot) const {
        return static_cast<std::size_t>(&slot - slots_.data());
    }
    void log(LogLevel level, const std::string& text) const {
        if (options_.log) options_.log(level, text);
    }
    static void close_pipe(Slot& slot) {
        if (slot.pipe >= 0) ::close(std::exchange(slot.pipe, -1));
    }

    void start_due() {
        for (Slot& slot : slots_) {
            if (slot.pid == 0 && slot.start_at <= Clock::now()) start(slot);
        }
    }

    void start(Slot& slot) {
        int ends[2] = {-1, -1};
        if (platform::open_pipe(ends) < 0) return cannot_start(slot, fail_errno("pipe").value());
        slot.pipe = ends[0];
        slot.ready = false;
        slot.text.clear();
        const auto child = children_.spawn([&] { return work(slot, ends[1]); });
        ::close(ends[1]);
        if (!child) {
            close_pipe(slot);
            return cannot_start(slot, child.error());
        }
        slot.pid = *child;
        slot.started = true;
    }

    void cannot_start(Slot& slot, const Error& error) {
        if (!is_ready_) {
            failed_ = error.message();
            return;
        }
        log(LogLevel::error, error.message() + "; tried again in " + delay_start(slot));
    }

    // After an attempt that failed. Each delay is twice the one before. Returns its text.
    static std::string delay_start(Slot& slot) {
        slot.delay =
            std::clamp<std::chrono::milliseconds>(slot.delay * 2, kFirstBackOff, kMostBackOff);
        slot.start_at = Clock::now() + slot.delay;
        return std::to_string(slot.delay.count()) + " ms";
    }

    // In the child.
    int work(Slot& slot, int told) {
        for (Slot& each : slots_) close_pipe(each);
        Worker worker;
        worker.page_ = &pages_[index_of(slot)];
        worker.index_ = index_of(slot);
        worker.is_replacement_ = slot.started;
        worker.supervisor_ = children_.parent_fd();
        worker.told_ = told;
        const WorkerOutcome outcome = outcome_of(worker);
        if (outcome) return 0;
        std::string text = outcome.error().substr(0, 4000);  // a pipe takes it whole
        for (const char mark : {kWorkerReady, kWorkerDrains}) std::ranges::replace(text, mark, ' ');
        [[maybe_unused]] const auto written = ::write(told, text.data(), text.size());
        return 1;
    }

    WorkerOutcome outcome_of(Worker& worker) try {
        return work_(worker);
    } catch (const std::exception& error) {
        return tl::unexpected<std::string>(error.what());
    }

    Clock::time_point next_start() const {
        auto next = kNever;
        for (const Slot& slot : slots_) {
            if (slot.pid == 0) next = std::min(next, slot.start_at);
        }
        return std::min(next, next_look());
    }

    void wait(int fd, Clock::time_point until) {
        std::vector<pollfd> entries{
            {fd, POLLIN, 0}, {children_.fd(), POLLIN, 0}, {options_.signals, POLLIN, 0}};
        for (const Slot& slot : slots_) entries.push_back({slot.pipe, POLLIN, 0});
        wait_for(entries, std::min(until, children_.next_sweep()));
        pass_signals_on();
        for (Slot& slot : slots_) hear(slot);
        children_.reap(on_ended_);
    }

    void pass_signals_on() {
        if (options_.signals < 0) return;
        read_all(options_.signals, [this](std::string_view signals) {
            for (const char signal : signals) children_.pass_on(static_cast<unsigned char>(signal));
        });
    }

    // A worker whose pipe has hung up has ended, or soon will have, or it has closed all descriptors.
    static bool is_ending(const Slot& slot) {
        return slot.pid != 0 && slot.pipe < 0 && Clock::now() < slot.look_until;
    }

    void hear(Slot& slot) {
        if (is_ending(slot)) children_.look_now();
        if (slot.pipe < 0) return;
        const auto take = [&](std::string_view text) {
            for (const char each : text) hear(slot, each);
        };
        if (!read_all(slot.pipe, take)) {
            close_pipe(slot);
            slot.look_until = Clock::now() + kLookFor;
            children_.look_now();
        }
        const auto is_ready = [](const Slot& each) { return each.ready; };
        if (is_ready_ || draining_ || !std::ranges::all_of(slots_, is_ready)) return;
        is_ready_ = true;
        if (options_.on_ready) options_.on_ready();
    }

    void hear(Slot& slot, char said) {
        if (said == kWorkerDrains) return stop_.drain();
        if (said != kWorkerReady) return slot.text.push_back(said);
        slot.ready = true;
        slot.delay = {};
    }

    void ended(const EndedChild& child) {
        const auto found = std::ranges::find(slots_, child.pid, &Slot::pid);
        if (found == slots_.end()) return;
        Slot& slot = *found;
        hear(slot);
        close_pipe(slot);
        slot.pid = 0;
        const std::size_t connections = pages_[index_of(slot)].connections.exchange(0);
        if (draining_ && (child.exit_status == 0 || !is_ready_)) return;
        std::string what = "worker " + std::to_string(child.pid) + how(child);
        if (draining_) return ended_late(slot, what + ": " + lost(connections));
        if (!is_ready_) {
            failed_ = slot.text.empty() ? what + " before it was ready" : slot.text;
            return;
        }
        if (!slot.text.empty()) what += " (" + slot.text + ")";
        if (!slot.ready && others_serve())
            return log(LogLevel::error,
                       what + " before it was ready; another is started in " + delay_start(slot));
        replace(slot, what + ": " + lost(connections));
    }

    // A replacement that fails while others serve costs nothing, so it is tried again for ever.
    bool others_serve() const {
        return std::ranges::any_of(slots_,
                                   [](const Slot& each) { return each.pid != 0 && each.ready; });
    }

    void ended_late(const Slot& slot, const std::string& what) {
        if (slot.text.empty()) log(LogLevel::error, what);
        if (!failed_) failed_ = slot.text.empty() ? what : slot.text;
    }

    void replace(Slot& slot, const std::string& what) {
        const auto now = Clock::now();
        while (!ends_.empty() && ends_.front() + kWithin < now) ends_.pop_front();
        ends_.push_back(now);
        if (ends_.size() >= kMostEnds) {
            log(LogLevel::error, what);
            failed_ =
                std::to_string(kMostEnds) + " workers ended within a minute; the last: " + what;
            return;
        }
        const auto delay = ends_.size() == 1 ? 0ms : kFirstBackOff * (1 << (ends_.size() - 2));
        slot.start_at = now + delay;
        log(LogLevel::error,
            what + "; another is started" +
                (delay > 0ms ? " in " + std::to_string(delay.count()) + " ms" : ""));
    }

    void drain() {
        for (std::size_t i = 0; i < slots_.size(); ++i) pages_[i].draining = true;
        children_.signal(SIGTERM);
        wait_until_ended(from_now(options_.drain_timeout + kDrainGrace));
    }

    void end() {
        if (children_.count() == 0) return;
        children_.signal(SIGINT);
        const auto deadline = from_now(kEndGrace);
        while (children_.count() > 0 && Clock::now() < deadline)
            wait(-1, std::min(deadline, next_look()));
        while (children_.count() > 0) {
            children_.signal(SIGKILL);
            wait(-1, Clock::now() + kLook);
        }
    }

    void wait_until_ended(Clock::time_point deadline) {
        while (children_.count() > 0 && Clock::now() < deadline && !stop_.aborting())
            wait(stop_.abort_fd(), std::min(deadline, next_look()));
    }

    Clock::time_point next_look() const {
        return std::ranges::any_of(slots_, is_ending) ? Clock::now() + kLook : kNever;
    }

    const WorkerMain& work_;
    const Stop& stop_;
    const SupervisorOptions& options_;
    ChildGroup& children_;
    Shared<WorkerPage> pages_;
    std::vector<Slot> slots_;
    std::deque<Clock::time_point> ends_;  // of workers within the last minute
    bool is_ready_ = false, draining_ = false;
    std::optional<std::string> failed_;
    const EndedCallback on_ended_ = [this](const EndedChild& child) { ended(child); };
};

WorkerOutcome supervise(const WorkerMain& work, const Stop& stop,
                        const SupervisorOptions& options) {
    assert(options.workers > 0 && work);
    const auto children = ChildGroup::create();
    if (!children) return tl::unexpected(children.error().message());
    auto pages = make_shared_memory<WorkerPage>(options.workers);
    if (!pages) return tl::unexpected(pages.error().message());
    return Supervisor(work, stop, options, **children, std::move(*pages)).run();
}

}  // namespace switchboard
