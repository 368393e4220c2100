// Makes a chosen allocation fail, as if memory had run out for a moment.
#pragma once

#include <atomic>

namespace switchboard::test {

// Set in the threads whose allocations may fail.
extern thread_local bool allocations_may_fail;

// How many of their allocations succeed before one fails. If negative, all succeed.
extern std::atomic<int> allocations_until_failure;

}  // namespace switchboard::test
