#include "pacer.hpp"

#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

namespace switchboard::bench {
namespace {

// In one go: what was answered in the meantime is looked at in between.
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
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);  // as Clock's
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
                  [](uv_poll_t* poll, int, int) { static_cast<Pacer*>(poll->data)->tell(); });
    arm();
}

void Pacer::stop() {
    uv_poll_stop(&timer_->poll);
}

void Pacer::tell() {
    for (int i = 0; i < kMostAtOnce && tell_one(Clock::now()); ++i) {
    }
    arm();
}

void Pacer::tell_until(Clock::time_point end) {
    while (began_ + schedule_.next() < end) tell_one(Clock::now());
}

bool Pacer::tell_one(Clock::time_point now) {
    const auto when = began_ + schedule_.next();
    if (when > now) return false;
    lateness_.record(static_cast<std::uint64_t>((now - when) / std::chrono::nanoseconds(1)));
    schedule_.advance();
    due_(when);
    return true;
}

// A time that has passed makes it readable at once. Setting it also takes back what made it readable
// before, so nobody reads it.
void Pacer::arm() {
    const itimerspec at{{}, timespec_of(began_ + schedule_.next())};
    timerfd_settime(timer_->fd, TFD_TIMER_ABSTIME, &at, nullptr);
}

}  // namespace switchboard::bench
