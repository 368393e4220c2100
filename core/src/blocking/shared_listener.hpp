// The listener of a blocking server: used by all its threads, closed as soon as it drains.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

// Connects are refused from close() on, unless another process has the listening socket too: that
// one must be able to go on, so it is closed and never shut down.
class SharedListener {
public:
    // While this lives it does not block: a connection that is gone before it is accepted, or taken
    // by another worker, must not hold up a stop.
    explicit SharedListener(Socket socket);
    SharedListener(const SharedListener&) = delete;
    SharedListener& operator=(const SharedListener&) = delete;
    ~SharedListener() { close(); }

    // Who waits on fd() or accepts holds one of these. As long as anybody does it stays open: the
    // number of a closed descriptor may be another's at once.
    class User {
    public:
        explicit User(SharedListener& listener) noexcept;
        User(const User&) = delete;
        User& operator=(const User&) = delete;
        ~User();

    private:
        SharedListener& listener_;
    };

    int fd() const noexcept { return fd_; }  // -1 once closed
    Result<Socket> accept() const;           // the next connection, blocking; fd() must be open
    // At once, or when its last user is done. From any thread.
    void close() noexcept;
    // In a child process with one thread, where a signal handler may call it: closes the child's copy
    // and leaves the socket, which the parent shares, as it is.
    void forsake() noexcept;

private:
    void close_unused() noexcept;

    std::atomic<int> fd_;
    std::mutex mutex_;
    std::size_t users_ = 0;
    bool closing_ = false;
};

}  // namespace switchboard::detail
