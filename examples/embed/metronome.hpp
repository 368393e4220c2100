// Run by the three embed_* programs: an echo server, and a timer every 10 ms that records its delay.
#pragma once

#include <algorithm>
#include <cstdio>
#include <switchboard/callbacks.hpp>
#include <switchboard/reactor.hpp>
#include <vector>

class Metronome {
public:
    // Calls `done` after that many ticks.
    Metronome(switchboard::Reactor& reactor, std::size_t ticks, std::function<void()> done)
        : ticks_(ticks), done_(std::move(done)) {
        auto echo = switchboard::callbacks([] {
            return switchboard::Callbacks{
                .on_data = [](switchboard::Connection& peer, switchboard::MutableBytes in) {
                    peer.write(in);
                    return in.size();
                }};
        });
        const auto at = switchboard::Endpoint::tcp("127.0.0.1", 0);
        const auto listening = reactor.listen(at, echo).value();
        std::printf("listening on %s\n", listening.local.to_string().c_str());
        std::fflush(stdout);
        reactor.every(kPeriod, [this] { tick(); });
    }

    void report() {
        std::sort(late_.begin(), late_.end());
        std::printf("%zu ticks, late by %.2f ms (p50), %.2f ms (p99)\n", late_.size(),
                    late_[late_.size() / 2], late_[late_.size() * 99 / 100]);
    }

private:
    static constexpr std::chrono::milliseconds kPeriod{10};

    // Ticks that were missed because of a delay are skipped: see Reactor::every().
    void tick() {
        const auto late = switchboard::Clock::now() - due_;
        late_.push_back(std::chrono::duration<double, std::milli>(late).count());
        due_ += kPeriod * (1 + late / kPeriod);
        if (late_.size() == ticks_) done_();
    }

    std::size_t ticks_;
    std::function<void()> done_;
    switchboard::Clock::time_point due_ = switchboard::Clock::now() + kPeriod;
    std::vector<double> late_;
};
