// The transcripts in transcripts/.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <switchboard/testing/transcript.hpp>
#include <utility>
#include <vector>

namespace switchboard::test {

inline std::vector<testing::Transcript> transcripts(const std::string& name) {
    auto read =
        testing::read_transcripts(SWITCHBOARD_SOURCE "/tests/kit/transcripts/" + name + ".txt");
    REQUIRE_MESSAGE(read.has_value(), read.error().message());
    REQUIRE_FALSE(read->empty());
    return std::move(*read);
}

}  // namespace switchboard::test
