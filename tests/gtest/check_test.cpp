// check() in GoogleTest: a protocol passes, and a failure prints the report.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <switchboard/callbacks.hpp>
#include <switchboard/testing/gtest.hpp>

#include "key_value.hpp"

using namespace switchboard;

TEST(Check, AGoodProtocolPasses) {
    EXPECT_TRANSCRIPTS(factory_of<test::KeyValue>(), test::key_value_transcripts(),
                       {.most_runs = 50});
    const auto same = [](ProtocolFactory above) { return above; };
    EXPECT_LAYER(same, factory_of<test::KeyValue>(), test::key_value_transcripts(),
                 {.most_runs = 50});
}

TEST(Check, AFailurePrintsTheReport) {
    EXPECT_NONFATAL_FAILURE(
        EXPECT_TRANSCRIPTS(factory_of<test::KeyValue>(),
                           {switchboard::testing::Transcript("x").send("quit\n")}),
        "x: whole: closed without an error, which the transcript does not expect (seed 1)");
}
