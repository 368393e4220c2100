// A reactor inside an Asio program. The io_context waits for the reactor's descriptor.
#include <asio.hpp>
#include <cstdlib>
#include <switchboard/embed.hpp>

#include "metronome.hpp"

using namespace switchboard;

namespace {

// Lives as long as the io_context runs, on its thread.
class ReactorService {
public:
    ReactorService(asio::io_context& context, Reactor& reactor)
        : reactor_(reactor), readable_(context, poll_fd(reactor)), timer_(context) {
        turn();
    }
    ~ReactorService() { readable_.release(); }  // the descriptor is the reactor's

private:
    // Both waits are for the same turn; the one that comes first cancels the other.
    void turn() {
        const unsigned turn = ++turn_;
        readable_.async_wait(readable_.wait_read, [this, turn](auto) { came(turn); });
        const auto timeout = next_timeout(reactor_);
        if (!timeout) return;
        timer_.expires_after(*timeout);
        timer_.async_wait([this, turn](auto) { came(turn); });
    }

    void came(unsigned turn) {
        if (turn != turn_) return;  // the one that was cancelled
        ++turn_;
        readable_.cancel();
        timer_.cancel();
        run_ready(reactor_);
        this->turn();
    }

    Reactor& reactor_;
    asio::posix::stream_descriptor readable_;
    asio::steady_timer timer_;
    unsigned turn_ = 0;
};

class Alarm {
public:
    explicit Alarm(asio::io_context& context) : timer_(context) { wait(); }
    unsigned count = 0;

private:
    void wait() {
        timer_.expires_after(std::chrono::milliseconds(100));
        timer_.async_wait([this](const asio::error_code& error) {
            if (error) return;
            ++count;
            wait();
        });
    }

    asio::steady_timer timer_;
};

}  // namespace

int main(int argc, char** argv) {
    Reactor reactor;
    asio::io_context context;
    Metronome metronome(reactor, argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 500,
                        [&] { context.stop(); });
    Alarm own(context);
    {
        const ReactorService service(context, reactor);
        context.run();
    }
    metronome.report();
    std::printf("%u alarms of the host's\n", own.count);
}
