// A server in this process, on its own thread, whose state can be inspected.
#pragma once

#include <functional>
#include <memory>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <thread>

namespace switchboard::bench {

class PinnedReactor {
public:
    // Listens on a free port, on a thread that is pinned to `cpu`. `prepare` is called before that thread
    // begins.
    static Result<std::unique_ptr<PinnedReactor>> start(
        int cpu, const ProtocolFactory& factory,
        const std::function<void(Reactor&)>& prepare = [](Reactor&) {});
    ~PinnedReactor();
    PinnedReactor(const PinnedReactor&) = delete;
    PinnedReactor& operator=(const PinnedReactor&) = delete;

    const Endpoint& endpoint() const noexcept { return endpoint_; }
    ReactorStats stats();  // queried on its thread

private:
    PinnedReactor() = default;

    Endpoint endpoint_;
    Reactor reactor_;
    std::thread thread_;
};

}  // namespace switchboard::bench
