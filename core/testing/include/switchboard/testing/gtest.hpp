// check() as expectations of GoogleTest. Include <gtest/gtest.h> before.
#pragma once

#include <switchboard/testing/check.hpp>

// Their arguments are those of check() and check_layer(). A failure prints the report.
#define EXPECT_TRANSCRIPTS(...) \
    SWITCHBOARD_EXPECT_REPORT(::switchboard::testing::check(__VA_ARGS__))
#define EXPECT_LAYER(...) \
    SWITCHBOARD_EXPECT_REPORT(::switchboard::testing::check_layer(__VA_ARGS__))
#define SWITCHBOARD_EXPECT_REPORT(...)                              \
    [](const ::switchboard::testing::Report& report) {              \
        EXPECT_TRUE(report.findings.empty()) << report.to_string(); \
    }(__VA_ARGS__)
