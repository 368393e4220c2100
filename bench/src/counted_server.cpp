#include "counted_server.hpp"

#include <future>

#include "cpus.hpp"

namespace switchboard::bench {
namespace {

class CountedEcho : public Protocol {
public:
    explicit CountedEcho(std::atomic<std::size_t>& live) : live_(live) { ++live_; }
    ~CountedEcho() override { --live_; }
    CountedEcho(const CountedEcho&) = delete;
    CountedEcho& operator=(const CountedEcho&) = delete;

    std::size_t on_data(Connection& connection, MutableBytes in) override {
        connection.write(in);
        return in.size();
    }

private:
    std::atomic<std::size_t>& live_;
};

}  // namespace

Result<std::unique_ptr<CountedServer>> CountedServer::start(int cpu) {
    std::unique_ptr<CountedServer> server(new CountedServer);
    ListenOptions options;
    options.limits.backlog = 4096;
    const auto factory = [&live = server->live_] { return std::make_unique<CountedEcho>(live); };
    auto listening = server->reactor_.listen(Endpoint::tcp("127.0.0.1", 0), factory, options);
    if (!listening) return tl::unexpected(listening.error());
    server->endpoint_ = listening->local;
    const auto pinned = std::make_shared<std::promise<Result<void>>>();
    server->thread_ = std::thread([&self = *server, pinned, cpu] {
        pinned->set_value(pin_to(cpu));
        self.reactor_.run();
    });
    if (auto done = pinned->get_future().get(); !done) return tl::unexpected(done.error());
    return server;
}

CountedServer::~CountedServer() {
    if (!thread_.joinable()) return;
    reactor_.post([this] { reactor_.stop(); });
    thread_.join();
}

ReactorStats CountedServer::stats() {
    const auto answer = std::make_shared<std::promise<ReactorStats>>();
    reactor_.post([this, answer] { answer->set_value(reactor_.stats()); });
    return answer->get_future().get();
}

}  // namespace switchboard::bench
