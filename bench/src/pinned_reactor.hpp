// A server of this process, on a thread of its own, that can be asked what is in it.
#pragma once

#include <functional>
#include <memory>
#include <switchboard/reactor.hpp>
#include <thread>

namespace switchboard::bench {

class PinnedReactor {
public:
    // Listens on a port of its own, on a thread that is pinned to `cpu`. `prepare` is called before that
    // thread begins.
    static Result<std::unique_ptr<PinnedReactor>> start(
        int cpu, const ProtocolFactory& factory,
        const std::function<void(Reactor&)>& prepare = [](Reactor&) {});
    ~PinnedReactor();
    PinnedReactor(const PinnedReactor&) = delete;
    PinnedReactor& operator=(const PinnedReactor&) = delete;

    const Endpoint& endpoint() const noexcept { return endpoint_; }
    ReactorStats stats();  // asked of its thread

private:
    PinnedReactor() = default;

    Endpoint endpoint_;
    Reactor reactor_;
    std::thread thread_;
};

}  // namespace switchboard::bench
