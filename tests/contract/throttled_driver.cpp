#include <doctest/doctest.h>

#include <switchboard/throttle.hpp>

#include "drivers.hpp"

using namespace switchboard;

ProtocolFactory layered(ProtocolFactory factory, Limits limits) {
    ThrottleOptions options;
    options.in_per_second = options.out_per_second = ThrottleOptions::kMostRate;
    options.limits = limits.connection;
    auto made = throttled(std::move(factory), options);
    REQUIRE_MESSAGE(made.has_value(), made.error().message());
    return std::move(*made);
}
