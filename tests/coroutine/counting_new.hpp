#pragma once

#include <atomic>
#include <cstddef>

namespace switchboard::test {

// Calls of operator new in this program.
extern std::atomic<std::size_t> allocations;

}  // namespace switchboard::test
