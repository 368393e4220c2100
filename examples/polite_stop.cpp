// Told to stop, a server closes who is idle, and answers first who has asked for something that
// takes long: it is computed on another thread, and so the reactor cannot know of it.
#include <csignal>
#include <iostream>
#include <switchboard/reactor.hpp>
#include <thread>

using namespace switchboard;
using namespace std::chrono_literals;

// One question a connection, whatever it is.
class Oracle final : public Protocol {
public:
    explicit Oracle(Reactor& reactor) : reactor_(reactor) {}

    std::size_t on_data(Connection& peer, MutableBytes in) override {
        if (std::exchange(asked_, true)) return in.size();
        std::cout << "asked" << std::endl;
        const auto answer = std::make_shared<std::string>();
        reactor_.offload(
            [answer](const CancelToken&) {
                std::this_thread::sleep_for(1s);
                *answer = "42\n";
            },
            [&reactor = reactor_, id = peer.id(), answer](std::error_code) {
                Connection* const still_there = reactor.find(id);
                if (still_there == nullptr) return;
                still_there->write(*answer);
                still_there->close();
            });
        return in.size();
    }
    void on_eof(Connection& peer) override {
        if (!asked_) peer.close();
    }
    bool is_busy() const noexcept override { return asked_; }

private:
    Reactor& reactor_;
    bool asked_ = false;
};

int main() {
    Reactor reactor;
    const auto oracle = [&reactor] { return std::make_unique<Oracle>(reactor); };
    const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), oracle);
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    const auto armed = reactor.on_signal(SIGTERM, [&] {
        reactor.drain(10s, [](std::size_t aborted) {
            std::cout << "drained, " << aborted << " aborted" << std::endl;
        });
    });
    if (!armed) return std::cerr << armed.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
