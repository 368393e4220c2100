// Lets an allocation fail, as if memory had run out for a moment.
#pragma once

#include <atomic>

namespace switchboard::test {

// Set in the threads whose allocations may fail.
extern thread_local bool allocations_may_fail;

// How many of their allocations go well before one fails; below zero, all do.
extern std::atomic<int> allocations_until_failure;

}  // namespace switchboard::test
