// A drain that waits for replies which another thread computes. The reactor does not see that work, so the
// handler reports it with is_busy().
#include <csignal>
#include <iostream>
#include <switchboard/offload.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/signals.hpp>
#include <thread>

using namespace switchboard;
using namespace std::chrono_literals;

// Answers one question per connection. Any bytes are a question.
class Oracle final : public Protocol {
public:
    explicit Oracle(Reactor& reactor) : reactor_(reactor) {}

    std::size_t on_data(Connection& peer, MutableBytes in) override {
        if (std::exchange(asked_, true)) return in.size();
        std::cout << "asked" << std::endl;
        const auto answer = std::make_shared<std::string>();
        offload(
            reactor_,
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
    const auto armed = on_signal(reactor, SIGTERM, [&] {
        reactor.drain(10s, [](std::size_t aborted) {
            std::cout << "drained, " << aborted << " aborted" << std::endl;
        });
    });
    if (!armed) return std::cerr << armed.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
