// A complete server inside the epoll loop of a host program: with limits, a log, and a drain at SIGTERM.
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <csignal>
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/embed.hpp>
#include <switchboard/message_handler.hpp>
#include <switchboard/reactor.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

class EchoLine final : public LineHandler {
    void on_line(Connection& peer, std::string_view line) override { write_line(peer, line); }
};

ListenOptions limited() {
    ListenOptions options;
    options.server.max_connections = 100;
    options.server.max_per_address = 2;
    options.connection.first_byte_timeout = 5s;        // until the first byte
    options.connection.idle_timeout = 60s;             // without a byte in either direction
    options.connection.write_stall_timeout = 10s;      // queued bytes, and the peer reads none
    options.connection.close_deadline = 10s;           // from close() to the end
    options.connection.max_write_buffer = 256 * 1024;  // more queued bytes abort it
    options.reject_message = "busy, come again\n";
    return options;
}

// Waits until one of the two is readable.
bool has_signal(int loop, int signals, std::optional<std::chrono::milliseconds> timeout) {
    epoll_event event{};
    const int wait = timeout ? static_cast<int>(timeout->count()) : -1;
    return epoll_wait(loop, &event, 1, wait) == 1 && event.data.fd == signals;
}

int main() {
    sigset_t terminate;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    sigprocmask(SIG_BLOCK, &terminate, nullptr);
    const int signals = signalfd(-1, &terminate, SFD_CLOEXEC);

    Reactor reactor(
        {.log = [](LogLevel, std::string_view text) { std::cerr << text << std::endl; }});
    const Endpoint at = Endpoint::tcp("127.0.0.1", 0);
    const auto listening = reactor.listen(at, factory_of<EchoLine>(), limited());
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;

    const int loop = epoll_create1(EPOLL_CLOEXEC);
    for (const int fd : {poll_fd(reactor), signals}) {
        epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
    }
    bool over = false;
    while (!over) {
        if (has_signal(loop, signals, next_timeout(reactor))) {
            signalfd_siginfo info;
            if (read(signals, &info, sizeof info) != sizeof info) return 1;
            reactor.drain(2s, [&over](std::size_t aborted) {
                std::cout << "drained, " << aborted << " aborted" << std::endl;
                over = true;
            });
        }
        run_ready(reactor);
    }
    close(loop);
    close(signals);
}
