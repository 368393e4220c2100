// Which allocation fails. For failing_new.hpp and the sources of check(); not for other code.
#pragma once

#include <cstddef>

namespace switchboard::testing::detail {

// While one exists, allocations of this thread are counted and may fail.
class AllocationsMayFail {
public:
    AllocationsMayFail() noexcept;
    AllocationsMayFail(const AllocationsMayFail&) = delete;
    AllocationsMayFail& operator=(const AllocationsMayFail&) = delete;
    ~AllocationsMayFail();

private:
    const bool before_;
};

// Counts an allocation. Returns whether it must fail.
bool allocation_fails() noexcept;
// Memory from malloc(3), for std::free(); counted. The first throws std::bad_alloc, the second returns null.
void* allocate(std::size_t size, std::size_t alignment = 1);
void* try_allocate(std::size_t size, std::size_t alignment = 1) noexcept;

// Set by failing_new.hpp: operator new counts. Otherwise the default memory resource does.
inline bool new_counts = false;

// From its construction to its destruction, the n-th counted allocation fails.
class FailingAllocation {
public:
    explicit FailingAllocation(std::size_t n);
    FailingAllocation(const FailingAllocation&) = delete;
    FailingAllocation& operator=(const FailingAllocation&) = delete;
    ~FailingAllocation();
    bool has_failed() const noexcept;

private:
    void* resource_before_ = nullptr;
};

}  // namespace switchboard::testing::detail
