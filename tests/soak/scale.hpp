// The scale of the soak tests.
#pragma once

#include <cstdlib>

namespace switchboard::bench {

// Returns whether SWITCHBOARD_SOAK=short is set. Then each test runs at a small scale, which takes seconds,
// and checks only exact results. `cmake/dev soak` runs the tests at full scale.
inline bool soak_is_short() {
    const char* const scale = std::getenv("SWITCHBOARD_SOAK");
    return scale != nullptr && scale[0] == 's';
}

}  // namespace switchboard::bench
