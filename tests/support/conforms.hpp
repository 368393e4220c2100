// What every protocol must pass, as checks.
#pragma once

#include <doctest/doctest.h>

#include <string_view>
#include <switchboard/testing/conformance.hpp>

namespace switchboard::test {

// However `input` arrives, and whatever random input comes.
inline void conforms(const ProtocolFactory& factory, std::string_view input) {
    const auto differences = testing::check_deliveries(factory, input);
    CHECK(differences.empty());
    for (const auto& difference : differences) MESSAGE(difference);
    const auto violations = testing::check_robustness(factory, 64);
    CHECK(violations.empty());
    for (const auto& violation : violations) MESSAGE(violation);
}

}  // namespace switchboard::test
