// The blocking driver for datagrams, which runs on the calling thread.
#include <switchboard/blocking.hpp>

#include "blocking/wait.hpp"
#include "net/connect_errors.hpp"
#include "net/socket_options.hpp"
#include "socket_port.hpp"

namespace switchboard {
namespace detail {
namespace {

// Waits only in poll(2): for datagrams, for space to send, for the deadline, and for a stop.
class BlockingDatagrams final : public SocketPort {
public:
    BlockingDatagrams(const Socket& socket, Endpoint local,
                      std::unique_ptr<DatagramProtocol> protocol, const Stop& stop,
                      const DatagramLimits& limits, DatagramIo& io)
        : SocketPort(socket, std::move(local), std::move(protocol), limits, io),
          fd_(socket.fd()),
          stop_(stop) {}

    void serve() {
        open();
        for (;;) {
            const bool more = settle();
            if (is_closed()) return;
            wait(more ? Clock::time_point::min() : next_timer());
        }
    }

    Clock::time_point now() const override { return Clock::now(); }

private:
    // Sends until the queue is empty, or until nothing was taken for too long. on_deadline is delayed
    // meanwhile, because callbacks do not nest.
    void transmit() override {
        while (!send_queue()) {
            pollfd entries[] = {{stop_.abort_fd(), POLLIN, 0}, {fd_, POLLOUT, 0}};
            wait_for(entries, gives_up_at());
            if (entries[0].revents != 0) return drop_queue(errc::stopping);
            if (entries[1].revents != 0) continue;
            return closing() ? abort(errc::close_timed_out) : drop_queue(errc::write_stalled);
        }
    }
    void schedule_end_of_turn() override {}  // all requests are made within serve()

    void wait(Clock::time_point until) {
        pollfd entries[] = {{stop_.drain_fd(), POLLIN, 0}, {fd_, POLLIN, 0}};
        wait_for(entries, until);
        if (entries[0].revents != 0) return close(errc::stopping);
        expire(now());
        if (entries[1].revents != 0) read();
    }

    const int fd_;
    const Stop& stop_;
};

}  // namespace
}  // namespace detail

Result<void> serve_datagrams(const Socket& socket, std::unique_ptr<DatagramProtocol> protocol,
                             const Stop& stop, const DatagramServeOptions& options) {
    if (detail::int_option(socket.fd(), SO_TYPE) != SOCK_DGRAM)
        return fail(std::make_error_code(std::errc::wrong_protocol_type),
                    "serve datagrams: not a datagram socket");
    if (auto fit = options.limits.check(); !fit) return fit;
    auto local = socket.local();
    if (!local) return tl::unexpected(local.error());
    const auto io = std::make_unique<detail::DatagramIo>();
    detail::BlockingDatagrams port(socket, *local, std::move(protocol), stop, options.limits, *io);
    port.serve();
    if (!port.reason() || port.reason() == errc::stopping) return {};
    const std::string tried = detail::attempt("serve", *local);
    const std::string why = port.failure().empty() ? tried : tried + ": " + port.failure();
    if (options.log) options.log(LogLevel::error, why);
    return fail(port.reason(), why);
}

}  // namespace switchboard
