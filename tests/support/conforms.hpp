// The checks that every protocol must pass.
#pragma once

#include <doctest/doctest.h>

#include <string_view>
#include <switchboard/testing/conformance.hpp>

namespace switchboard::test {

inline const testing::Findings kNone;

// Checks every way to deliver `input`, and random input.
inline void conforms(const ProtocolFactory& factory, std::string_view input) {
    const auto differences = testing::check_deliveries(factory, input);
    CHECK(differences.empty());
    for (const auto& difference : differences) MESSAGE(difference);
    const auto violations = testing::check_robustness(factory, 64);
    CHECK(violations.empty());
    for (const auto& violation : violations) MESSAGE(violation);
}

}  // namespace switchboard::test
