#include "load/arrivals.hpp"

#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>
#include <cmath>

#include "base/parse.hpp"

namespace switchboard::bench {

Schedule::Schedule(double per_second, Arrivals arrivals, std::uint64_t seed)
    : per_second_(per_second), arrivals_(arrivals), random_(seed), distance_(per_second) {
    at_ = arrivals_ == Arrivals::constant ? 1 / per_second_ : distance_(random_);
}

std::chrono::nanoseconds Schedule::next() const noexcept {
    return std::chrono::nanoseconds(std::llround(at_ * 1e9));
}

// With equal distances, the n-th time is computed directly, so that no error adds up.
void Schedule::advance() {
    ++count_;
    if (arrivals_ == Arrivals::constant) {
        at_ = static_cast<double>(count_) / per_second_;
    } else {
        at_ += distance_(random_);
    }
}

namespace {

// Most calls in a row. In between, the loop handles the replies that have arrived.
constexpr int kMostAtOnce = 256;

timespec timespec_of(Clock::time_point when) {
    const auto since =
        std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch());
    return {static_cast<time_t>(since.count() / 1'000'000'000),
            static_cast<long>(since.count() % 1'000'000'000)};
}

}  // namespace

struct Pacer::Timer {
    uv_poll_t poll{};
    int fd = -1;
};

Pacer::Pacer(const Schedule& schedule, std::function<void(Clock::time_point)> due)
    : schedule_(schedule), due_(std::move(due)) {}

Result<std::unique_ptr<Pacer>> Pacer::make(uv_loop_s* loop, const Schedule& schedule,
                                           std::function<void(Clock::time_point)> due) {
    std::unique_ptr<Pacer> pacer(new Pacer(schedule, std::move(due)));
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);  // Clock's clock
    if (fd < 0) return fail_errno("timerfd_create");
    auto timer = std::make_unique<Timer>();
    timer->fd = fd;
    if (const int error = uv_poll_init(loop, &timer->poll, fd); error != 0) {
        close(fd);
        return fail(std::error_code(-error, std::system_category()), "watch a timer");
    }
    timer->poll.data = pacer.get();
    pacer->timer_ = timer.release();
    return pacer;
}

Pacer::~Pacer() {
    if (timer_ == nullptr) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_->poll), [](uv_handle_t* handle) {
        auto* const timer = reinterpret_cast<Timer*>(handle);
        close(timer->fd);
        delete timer;
    });
}

void Pacer::start() {
    began_ = Clock::now();
    uv_poll_start(&timer_->poll, UV_READABLE,
                  [](uv_poll_t* poll, int, int) { static_cast<Pacer*>(poll->data)->fire_due(); });
    arm();
}

void Pacer::stop() {
    uv_poll_stop(&timer_->poll);
}

void Pacer::fire_due() {
    for (int i = 0; i < kMostAtOnce && fire_one(Clock::now()); ++i) {
    }
    arm();
}

void Pacer::fire_until(Clock::time_point end) {
    while (began_ + schedule_.next() < end) fire_one(Clock::now());
}

bool Pacer::fire_one(Clock::time_point now) {
    const auto when = began_ + schedule_.next();
    if (when > now) return false;
    lateness_.record(static_cast<std::uint64_t>((now - when) / std::chrono::nanoseconds(1)));
    schedule_.advance();
    due_(when);
    return true;
}

// If the time has passed, the timer becomes readable at once. Setting it also clears the earlier readable
// state, so it need not be read.
void Pacer::arm() {
    const itimerspec at{{}, timespec_of(began_ + schedule_.next())};
    timerfd_settime(timer_->fd, TFD_TIMER_ABSTIME, &at, nullptr);
}

Result<Arrivals> parse_arrivals(const std::string& text) {
    if (text == "constant") return Arrivals::constant;
    if (text == "poisson") return Arrivals::poisson;
    return bad_option("invalid arrivals '{}'; available: constant, poisson", text);
}

}  // namespace switchboard::bench
