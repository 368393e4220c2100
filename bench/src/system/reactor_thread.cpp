#include "system/reactor_thread.hpp"
#include <switchboard/reactor_stats.hpp>

#include <future>

#include "system/cpus.hpp"

namespace switchboard::bench {

Result<std::unique_ptr<PinnedReactor>> PinnedReactor::start(
    int cpu, const ProtocolFactory& factory, const std::function<void(Reactor&)>& prepare) {
    std::unique_ptr<PinnedReactor> server(new PinnedReactor);
    ListenOptions options;
    options.server.backlog = 4096;
    auto listening = server->reactor_.listen(Endpoint::tcp("127.0.0.1", 0), factory, options);
    if (!listening) return tl::unexpected(listening.error());
    server->endpoint_ = listening->local;
    prepare(server->reactor_);
    const auto pinned = std::make_shared<std::promise<Result<void>>>();
    server->thread_ = std::thread([&self = *server, pinned, cpu] {
        pinned->set_value(pin_to(cpu));
        self.reactor_.run();
    });
    if (auto done = pinned->get_future().get(); !done) return tl::unexpected(done.error());
    return server;
}

PinnedReactor::~PinnedReactor() {
    if (!thread_.joinable()) return;
    reactor_.post([this] { reactor_.stop(); });
    thread_.join();
}

ReactorStats PinnedReactor::stats() {
    std::promise<ReactorStats> told;
    reactor_.post([&] { told.set_value(collect_stats(reactor_)); });
    return told.get_future().get();
}

}  // namespace switchboard::bench
