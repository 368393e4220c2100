// Which descriptors a loop watches, and for what.
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <memory_resource>
#include <system_error>
#include <vector>

#include "in_memory_resource.hpp"

namespace switchboard::detail {

class Loop;

// One uv_poll_t per number of a descriptor, kept when the descriptor is closed and used again by the next
// one of that number. So libuv's check of a descriptor (two epoll_ctl and an ioctl) is paid for once a
// number; and a socket that cannot be watched, for want of memory or past fs.epoll.max_user_watches, is
// refused here, where libuv would abort the process: it is put into the epoll set before libuv comes to
// it, and libuv only changes it there (EPOLL_CTL_MOD), which needs nothing.
//
// Where the loop is the reactor's own, what is watched with `parks` as its callback costs libuv nothing:
// stop() leaves the handle active, and takes the descriptor out of the set; start() puts the next one
// in. Between the two libuv waits for a number that is not in the set. On a host's loop the number may be
// one of the host's then, so there the handle is stopped each time.
//
// The handles never keep the loop alive: whoever watches holds it. They are watched for errors as long as
// they are started, whatever else: one that is, libuv stops, and tells as status < 0. change() starts it
// again.
class Watches {
public:
    // Watch for errors only. A hang-up of the peer is reported as well, as UV_READABLE or UV_WRITABLE.
    static constexpr int kErrors = UV_PRIORITIZED;

    Watches(Loop& loop, std::pmr::memory_resource* memory, uv_poll_cb parks);
    Watches(const Watches&) = delete;
    Watches& operator=(const Watches&) = delete;
    ~Watches();

    // Allocates what start() needs for this descriptor. Throws std::bad_alloc.
    void reserve(int fd);
    // Events are UV_READABLE and UV_WRITABLE, or kErrors. `on_ready` is called with a handle whose data is
    // `owner`. The descriptor does not block. Error: it is not watched.
    std::error_code start(int fd, int events, uv_poll_cb on_ready, void* owner);
    // Of one that is started. One epoll_ctl, which cannot fail, unless it is to be watched for something
    // for the first time, or libuv had stopped it. Error: it is not watched any more.
    std::error_code change(int fd, int events, uv_poll_cb on_ready);
    // Call this before the descriptor is closed. It does nothing if the descriptor is not watched. A watch
    // that parks may get one more call, for an event that was fetched already: its owner must live until
    // after_events().
    void stop(int fd);

    bool settle();  // after the events of a turn; true if it must be called after the next one too
    void leave_fork();  // in a forked child, before uv_loop_fork: nothing is parked from now on
    void close();       // all handles; each counts as one of the loop's

private:
    static constexpr std::size_t kChunk = 64;
    enum State : std::uint8_t {
        kIn = UV_READABLE,   // what libuv thinks it is watched for; the set may say less
        kOut = UV_WRITABLE,  //
        kMade = 1 << 2,      // the handle is initialised
        kParks = 1 << 3,     // started with `parks_`
        kParked = 1 << 4,    // active, and not in the set
    };
    struct Chunk {
        explicit Chunk(std::pmr::memory_resource* memory) : memory_(memory) {}
        std::pmr::memory_resource* memory() const noexcept { return memory_; }

        std::pmr::memory_resource* memory_;
        std::array<std::uint8_t, kChunk> state{};
        std::array<uv_poll_t, kChunk> polls;
    };
    // libuv comes to what was started in its next wait and sets what it knows of; then it is to be made
    // what is wanted.
    struct Fresh {
        int fd;
        int events;
        bool waited = false;
    };

    uv_poll_t& poll(int fd) noexcept { return chunks_[index(fd)]->polls[at(fd)]; }
    std::uint8_t& state(int fd) noexcept { return chunks_[index(fd)]->state[at(fd)]; }
    static std::size_t index(int fd) noexcept { return static_cast<std::size_t>(fd) / kChunk; }
    static std::size_t at(int fd) noexcept { return static_cast<std::size_t>(fd) % kChunk; }
    bool active(int fd) noexcept;
    std::error_code make(int fd);
    std::error_code unpark(int fd, int events);
    std::error_code establish(int fd, int events, uv_poll_cb on_ready);
    void reset(int fd) noexcept;
    Fresh* fresh(int fd) noexcept;
    template <class Visit>
    void for_each(Visit visit);

    Loop& loop_;
    uv_poll_cb parks_;
    std::pmr::vector<InResource<Chunk>> chunks_;
    std::vector<Fresh> fresh_;
};

}  // namespace switchboard::detail
