#include <switchboard/throttle.hpp>

#include <cassert>
#include <string>
#include <utility>

#include "throttle_layer.hpp"

namespace switchboard {
namespace {

constexpr std::chrono::hours kMostBurst(1);

Result<void> check_rate(const char* name, std::uint64_t rate) {
    if (rate <= ThrottleOptions::kMostRate) return {};
    return fail(errc::bad_option, std::string("throttle ") + name + "=" + std::to_string(rate) +
                                      ": more than 1 TiB per second");
}

Result<void> check_burst(std::chrono::milliseconds burst) {
    if (burst.count() >= 1 && burst <= kMostBurst) return {};
    return fail(errc::bad_option,
                "throttle burst=" + std::to_string(burst.count()) + "ms: must be from 1 ms to 1 h");
}

Result<void> check(const ThrottleOptions& options) {
    return check_rate("in_per_second", options.in_per_second)
        .and_then([&] { return check_rate("out_per_second", options.out_per_second); })
        .and_then([&] { return check_rate("all_in_per_second", options.all_in_per_second); })
        .and_then([&] { return check_rate("all_out_per_second", options.all_out_per_second); })
        .and_then([&] { return check_burst(options.burst); })
        .and_then([&] { return options.limits.check(); });
}

}  // namespace

Result<Throttle> shared_throttle(const ThrottleOptions& options) {
    if (auto fits = check(options); !fits) return tl::unexpected(std::move(fits.error()));
    if (!options.any()) return [](ProtocolFactory above) { return above; };
    return [shared = std::make_shared<detail::ThrottleShared>(options)](ProtocolFactory above) {
        assert(above);
        return [above = std::move(above), shared]() -> std::unique_ptr<Protocol> {
            auto protocol = above();
            if (!protocol) return nullptr;
            return std::make_unique<detail::ThrottleLayer>(std::move(protocol), shared);
        };
    };
}

Result<ProtocolFactory> throttled(ProtocolFactory above, const ThrottleOptions& options) {
    return shared_throttle(options).map(
        [&](const Throttle& throttle) { return throttle(std::move(above)); });
}

}  // namespace switchboard
