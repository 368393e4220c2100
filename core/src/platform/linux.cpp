#if defined(__linux__) && !defined(SWITCHBOARD_PORTABLE)

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

#include "platform.hpp"

namespace switchboard::platform {
namespace {

// sendfile(2) has no MSG_NOSIGNAL. SIGPIPE is sent to the thread that wrote (man 7 signal), so it
// is held back in this thread and taken away again; the disposition of the process stays its own.
class SigpipeHeld {
public:
    SigpipeHeld() noexcept {
        sigemptyset(&sigpipe_);
        sigaddset(&sigpipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
        if (sigismember(&before_, SIGPIPE) == 0) return;
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) != 0;
    }
    ~SigpipeHeld() {
        const int error = errno;
        constexpr timespec now{};
        if (raised_ && !was_pending_) sigtimedwait(&sigpipe_, nullptr, &now);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = error;
    }
    SigpipeHeld(const SigpipeHeld&) = delete;
    SigpipeHeld& operator=(const SigpipeHeld&) = delete;

    void raised() noexcept { raised_ = true; }

private:
    sigset_t sigpipe_{}, before_{};
    bool was_pending_ = false;
    bool raised_ = false;
};

}  // namespace

int open_socket(int family, int type, bool blocking) noexcept {
    return ::socket(family, type | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
}

int accept_socket(int listener, sockaddr* address, socklen_t* size, bool blocking) noexcept {
    return ::accept4(listener, address, size, SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK));
}

int open_pipe(int ends[2]) noexcept {
    if (::pipe2(ends, O_CLOEXEC) < 0) return -1;
    return set_blocking(ends[1], false);  // F_SETFL of an open descriptor does not fail
}

ssize_t send_file(int socket, int file, std::uint64_t offset, std::size_t count) noexcept {
    SigpipeHeld sigpipe;
    auto at = static_cast<off64_t>(offset);
    const ssize_t sent = ::sendfile64(socket, file, &at, count);
    if (sent < 0 && errno == EPIPE) sigpipe.raised();
    return sent;
}

}  // namespace switchboard::platform

#endif
