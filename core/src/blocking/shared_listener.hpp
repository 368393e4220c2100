// The listener of a blocking server. All its threads use it. It is closed as soon as the server drains.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

// After close() connects are refused, unless another process has the listening socket, too. That process
// must be able to go on, so the socket is closed and never shut down.
class SharedListener {
public:
    // Makes the socket non-blocking: a connection that is lost before it is accepted, or is taken by another
    // worker, must not delay a stop.
    explicit SharedListener(Socket socket);
    SharedListener(const SharedListener&) = delete;
    SharedListener& operator=(const SharedListener&) = delete;
    ~SharedListener() { close(); }

    // A thread must hold a User while it waits on fd() or accepts. The descriptor stays open as long as a
    // User exists, because the number of a closed descriptor may be reused at once.
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
    Result<Socket> accept() const;           // returns a blocking socket; fd() must be open
    // Closes the descriptor at once, or when its last User is destroyed. Threading: any thread.
    void close() noexcept;
    // For a child process with one thread: closes the child's copy of the descriptor. The socket is shared
    // with the parent and not changed. A signal handler may call it.
    void detach() noexcept;

private:
    void close_unused() noexcept;

    std::atomic<int> fd_;
    std::mutex mutex_;
    std::size_t users_ = 0;
    bool closing_ = false;
};

}  // namespace switchboard::detail
