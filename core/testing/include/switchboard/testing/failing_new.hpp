// Replaces operator new, so that check() can let each allocation fail. Include it in one source file of a
// test program, and only in a test program.
#pragma once

#include <cstdlib>
#include <new>
#include <switchboard/testing/detail/allocations.hpp>

namespace switchboard::testing::detail {

inline const bool new_is_replaced = new_counts = true;

}  // namespace switchboard::testing::detail

// The array forms call these.
// NOLINTBEGIN(misc-definitions-in-headers)
void* operator new(std::size_t size) {
    return switchboard::testing::detail::allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return switchboard::testing::detail::allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return switchboard::testing::detail::try_allocate(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
// NOLINTEND(misc-definitions-in-headers)
