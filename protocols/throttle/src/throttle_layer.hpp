// The layer that limits the rate of bytes, in and out.
#pragma once

#include <switchboard/layer.hpp>
#include <switchboard/throttle.hpp>

#include "rate_gate.hpp"

namespace switchboard::detail {

// The state that all connections of one factory share.
struct ThrottleShared {
    explicit ThrottleShared(const ThrottleOptions& options);

    const ConnectionLimits limits;
    const Rate in, out;
    RateLine all_in, all_out;
};

// A direction without a rate is passed on at once and not queued.
class ThrottleLayer final : public QueuedLayer {
public:
    ThrottleLayer(std::unique_ptr<Protocol> above, std::shared_ptr<ThrottleShared> shared);

    using Layer::write;
    bool write(std::span<const Bytes> pieces) override;
    bool write_shared(SharedBytes buffer) override;
    void send_file(FileRange range) override;

private:
    std::size_t take(MutableBytes in) override;
    std::size_t allowance(std::size_t most) override;
    bool holds_input() const noexcept override { return in_.opens_at() != RateGate::kNever; }
    void own_deadline_expired() override;
    void below_closed(std::error_code) noexcept override { leave(); }
    void farewell() override { leave(); }
    void wait();
    void leave() noexcept;

    const std::shared_ptr<ThrottleShared> shared_;
    RateGate in_, out_;
};

}  // namespace switchboard::detail
