#include "throttle_layer.hpp"

#include <utility>

namespace switchboard::detail {

ThrottleShared::ThrottleShared(const ThrottleOptions& options)
    : limits(options.limits),
      in(Rate::of(options.in_per_second, options.burst)),
      out(Rate::of(options.out_per_second, options.burst)),
      all_in(Rate::of(options.all_in_per_second, options.burst)),
      all_out(Rate::of(options.all_out_per_second, options.burst)) {}

ThrottleLayer::ThrottleLayer(std::unique_ptr<Protocol> above,
                             std::shared_ptr<ThrottleShared> shared)
    : QueuedLayer(std::move(above), shared->limits),
      shared_(std::move(shared)),
      in_(shared_->in, shared_->all_in),
      out_(shared_->out, shared_->all_out) {}

std::size_t ThrottleLayer::take(MutableBytes in) {
    std::size_t used = 0;
    while (used < in.size() && takes_input()) {
        const std::size_t passes = in_.take(now(), in.size() - used);
        if (passes == 0) break;
        give(in.subspan(used, passes));
        used += passes;
    }
    wait();
    return used;
}

std::size_t ThrottleLayer::allowance(std::size_t most) {
    const std::size_t passes = out_.limits() ? out_.take(now(), most) : most;
    wait();
    return passes;
}

void ThrottleLayer::own_deadline_expired() {
    in_.notice(now());
    out_.notice(now());
    set(kAttention);
    wait();
}

// Waits until one of the gates opens.
void ThrottleLayer::wait() {
    set_own_deadline(std::min(in_.opens_at(), out_.opens_at()));
}

void ThrottleLayer::leave() noexcept {
    in_.leave();
    out_.leave();
}

bool ThrottleLayer::write(std::span<const Bytes> pieces) {
    return out_.limits() ? keep(pieces) : pass_on(pieces);
}

bool ThrottleLayer::write_shared(SharedBytes buffer) {
    return out_.limits() ? keep(std::move(buffer)) : pass_on(std::move(buffer));
}

void ThrottleLayer::send_file(FileRange range) {
    out_.limits() ? keep(std::move(range)) : pass_on(std::move(range));
}

}  // namespace switchboard::detail
