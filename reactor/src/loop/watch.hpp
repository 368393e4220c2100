// Watches: which descriptors a loop watches, and for which events.
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <memory_resource>
#include <system_error>
#include <vector>

#include "base/pmr_object.hpp"

namespace switchboard::detail {

class Loop;

// Has one uv_poll_t for each descriptor number. It is kept when the descriptor is closed, and used again for
// the next descriptor of that number. So the calls that libuv makes for a new handle (two epoll_ctl and an
// ioctl) are made once for each number. If a socket cannot be watched, because memory or
// fs.epoll.max_user_watches is exhausted, start() returns the error, whereas libuv would abort the process:
// start() adds the descriptor to the epoll set before libuv does, and libuv then only changes it
// (EPOLL_CTL_MOD), which cannot fail.
//
// If the loop belongs to the reactor, watches with the callback `parks` cost libuv nothing: stop() leaves the
// handle active and removes the descriptor from the set; start() adds the next descriptor of that number. In
// between, libuv waits for a number that is not in the set. On a host's loop such a number may belong to a
// descriptor of the host, so there the handle is stopped each time.
//
// The handles never keep the loop running; the owner of a watch must hold it. While started, descriptors are
// also watched for errors. After an error libuv stops the handle and reports status < 0; change() starts it
// again.
class Watches {
public:
    // Watches for errors only. A hang-up of the peer is also reported, as UV_READABLE or UV_WRITABLE.
    static constexpr int kErrors = UV_PRIORITIZED;

    Watches(Loop& loop, std::pmr::memory_resource* memory, uv_poll_cb parks);
    Watches(const Watches&) = delete;
    Watches& operator=(const Watches&) = delete;
    ~Watches();

    // Allocates what start() needs for this descriptor. Throws std::bad_alloc.
    void reserve(int fd);
    // `events` are UV_READABLE and UV_WRITABLE, or kErrors. `on_ready` is called with a handle whose data is
    // `owner`. The descriptor must be non-blocking. After an error it is not watched.
    std::error_code start(int fd, int events, uv_poll_cb on_ready, void* owner);
    // Changes the events of a descriptor that is started. Takes one epoll_ctl, which can fail only if the
    // descriptor is watched for an event for the first time or libuv has stopped it. After an error it is not
    // watched any more.
    std::error_code change(int fd, int events, uv_poll_cb on_ready);
    // Call this before the descriptor is closed. It does nothing if the descriptor is not watched. A watch
    // that parks may get one more call, for an event that was fetched already: its owner must live until
    // after_events().
    void stop(int fd);

    // Call it after the events of a turn. Returns whether it must be called after the next turn, too.
    bool settle();
    void
    leave_fork();  // call it in a forked child, before uv_loop_fork: parks no handle afterwards
    void close();  // closes all handles; each of them counts as a handle of the loop

private:
    static constexpr std::size_t kChunk = 64;
    enum State : std::uint8_t {
        kIn = UV_READABLE,   // events that libuv knows of; the set may have fewer
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
    // A descriptor that was started since libuv last waited. In its next wait libuv sets all events that it
    // knows of; afterwards settle() sets those that are wanted.
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
