// check() as assertions of doctest. Include <doctest/doctest.h> before.
#pragma once

#include <switchboard/testing/check.hpp>

// Their arguments are those of check() and check_layer(). A failure prints the report.
#define CHECK_TRANSCRIPTS(...) SWITCHBOARD_CHECK_REPORT(::switchboard::testing::check(__VA_ARGS__))
#define CHECK_LAYER(...) SWITCHBOARD_CHECK_REPORT(::switchboard::testing::check_layer(__VA_ARGS__))
#define SWITCHBOARD_CHECK_REPORT(...)                               \
    [](const ::switchboard::testing::Report& report) {              \
        CHECK_MESSAGE(report.findings.empty(), report.to_string()); \
    }(__VA_ARGS__)
