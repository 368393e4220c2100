#include "watch.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "loop.hpp"
#include "platform/poll_set.hpp"

namespace switchboard::detail {
namespace {

constexpr int kBoth = UV_READABLE | UV_WRITABLE;

platform::PollInterest interest(int events) noexcept {
    return {(events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0};
}

std::error_code last_error() noexcept {
    return {errno, std::system_category()};
}

uv_handle_t* handle(uv_poll_t& poll) noexcept {
    return reinterpret_cast<uv_handle_t*>(&poll);
}

}  // namespace

Watches::Watches(Loop& loop, std::pmr::memory_resource* memory, uv_poll_cb parks)
    : loop_(loop), parks_(platform::kChangesPollSet ? parks : nullptr), chunks_(memory) {}

Watches::~Watches() = default;

bool Watches::active(int fd) noexcept {
    return uv_is_active(handle(poll(fd))) != 0;
}

void Watches::reserve(int fd) {
    if (index(fd) >= chunks_.size()) chunks_.resize(index(fd) + 1);
    auto& chunk = chunks_[index(fd)];
    if (!chunk) chunk.reset(make_in<Chunk>(chunks_.get_allocator().resource()));
}

std::error_code Watches::make(int fd) {
    if (const int error = uv_poll_init(loop_.uv(), &poll(fd), fd))
        return {-error, std::system_category()};
    uv_unref(handle(poll(fd)));
    loop_.handle_opened();
    state(fd) = kMade;
    return {};
}

std::error_code Watches::start(int fd, int events, uv_poll_cb on_ready, void* owner) try {
    reserve(fd);
    Chunk& chunk = *chunks_[index(fd)];
    uv_poll_t& handle = chunk.polls[at(fd)];
    std::uint8_t& state = chunk.state[at(fd)];
    if ((state & kMade) == 0) {
        if (const auto error = make(fd)) return error;
    }
    handle.data = owner;
    if ((state & kParked) != 0) {
        const bool covered = (events & kBoth & ~state) == 0;
        // Not active if its last event was an error, after which libuv stops the handle.
        if (on_ready == parks_ && covered && active(fd)) return unpark(fd, events);
        reset(fd);
    }
    return establish(fd, events, on_ready);
} catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
}

std::error_code Watches::unpark(int fd, int events) {
    if (platform::add_to_poll_set(uv_backend_fd(loop_.uv()), fd, interest(events)) < 0)
        return last_error();
    state(fd) &= static_cast<std::uint8_t>(~kParked);
    return {};
}

// uv_poll_start removes the descriptor from the set and adds it at the next wait. libuv keeps the events that
// it knew of, so that a change from one event to the other and back takes no new start. On systems whose set
// cannot be changed here, libuv gets only the events that are wanted.
std::error_code Watches::establish(int fd, int events, uv_poll_cb on_ready) {
    if (!platform::kChangesPollSet) {
        const int error = uv_poll_start(&poll(fd), events, on_ready);
        return {-error, std::system_category()};
    }
    if (fresh_.size() == fresh_.capacity()) fresh_.reserve(2 * fresh_.size() + 8);
    const int before = active(fd) ? state(fd) & kBoth : 0;
    const int wanted = before | (events & kBoth);
    const int all = wanted != 0 ? wanted : int{UV_READABLE};
    if (const int error = uv_poll_start(&poll(fd), all, on_ready)) {
        reset(fd);
        return {-error, std::system_category()};
    }
    if (platform::add_to_poll_set(uv_backend_fd(loop_.uv()), fd, interest(events)) < 0) {
        const auto error = last_error();
        reset(fd);
        return error;
    }
    const int parks = parks_ != nullptr && on_ready == parks_ ? int{kParks} : 0;
    state(fd) = static_cast<std::uint8_t>(kMade | parks | all);
    Fresh* const known = fresh(fd);
    if (known != nullptr) *known = {fd, events};
    if (known == nullptr) fresh_.push_back({fd, events});
    loop_.check_again();
    return {};
}

std::error_code Watches::change(int fd, int events, uv_poll_cb on_ready) try {
    const bool covered = active(fd) && (events & kBoth & ~state(fd)) == 0;
    if (!covered || !platform::kChangesPollSet) return establish(fd, events, on_ready);
    if (Fresh* const known = fresh(fd)) known->events = events;
    if (platform::change_in_poll_set(uv_backend_fd(loop_.uv()), fd, interest(events)) < 0)
        return last_error();
    return {};
} catch (const std::bad_alloc&) {
    stop(fd);
    return std::make_error_code(std::errc::not_enough_memory);
}

// A handle is parked only if libuv has already added it to the set, because libuv must not add a descriptor
// that is closed by then.
void Watches::stop(int fd) {
    if (index(fd) >= chunks_.size() || !chunks_[index(fd)]) return;
    if ((state(fd) & kMade) == 0 || (state(fd) & kParked) != 0) return;
    bool known = true;
    if (Fresh* const entry = fresh(fd)) {
        known = entry->waited && loop_.polled();
        *entry = fresh_.back();
        fresh_.pop_back();
    }
    const bool parks = parks_ != nullptr && (state(fd) & kParks) != 0;
    if (!parks || !known || !active(fd)) return reset(fd);
    platform::remove_from_poll_set(uv_backend_fd(loop_.uv()), fd);
    state(fd) |= kParked;
}

void Watches::reset(int fd) noexcept {
    uv_poll_stop(&poll(fd));
    state(fd) = kMade;
}

Watches::Fresh* Watches::fresh(int fd) noexcept {
    const auto found =
        std::find_if(fresh_.begin(), fresh_.end(), [&](const Fresh& f) { return f.fd == fd; });
    return found == fresh_.end() ? nullptr : &*found;
}

// Descriptors that were started during this turn's events are handled after those of the next turn.
bool Watches::settle() {
    for (const Fresh& f : fresh_) {
        if (!f.waited || (state(f.fd) & kBoth) == (f.events & kBoth)) continue;
        platform::change_in_poll_set(uv_backend_fd(loop_.uv()), f.fd, interest(f.events));
    }
    std::erase_if(fresh_, [](const Fresh& f) { return f.waited; });
    for (Fresh& f : fresh_) f.waited = true;
    return !fresh_.empty();
}

template <class Visit>
void Watches::for_each(Visit visit) {
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
        for (std::size_t j = 0; chunks_[i] && j < kChunk; ++j)
            if ((chunks_[i]->state[j] & kMade) != 0) visit(static_cast<int>(i * kChunk + j));
    }
}

// uv_loop_fork adds every active handle to the child's own set, and aborts if a descriptor is closed.
void Watches::leave_fork() {
    parks_ = nullptr;
    for_each([this](int fd) {
        if ((state(fd) & kParked) != 0) reset(fd);
    });
}

// uv_close removes the handle's descriptor from the set. If a handle does not watch, its number may by now
// belong to a descriptor of a host or of another thread. libuv does not touch that one while it sees no set.
void Watches::close() {
    fresh_.clear();
    for_each([this](int fd) {
        int& set = loop_.uv()->backend_fd;
        const bool watches = active(fd) && (state(fd) & kParked) == 0;
        const int kept = watches ? set : std::exchange(set, -1);
        poll(fd).data = &loop_;
        uv_close(handle(poll(fd)),
                 [](uv_handle_t* closed) { static_cast<Loop*>(closed->data)->handle_closed(); });
        set = kept;
    });
}

}  // namespace switchboard::detail
