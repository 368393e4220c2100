// Replaces operator new for the whole program, as [new.delete.single] allows.
#include "failing_new.hpp"

#include <cstdlib>
#include <new>

namespace switchboard::test {

thread_local bool allocations_may_fail = false;
std::atomic<int> allocations_until_failure{-1};

namespace {

bool fails() {
    if (!allocations_may_fail || allocations_until_failure < 0) return false;
    return allocations_until_failure.fetch_sub(1) == 0;
}

}  // namespace
}  // namespace switchboard::test

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return switchboard::test::fails() ? nullptr : std::malloc(size > 0 ? size : 1);
}
void* operator new(std::size_t size) {
    void* const memory = operator new(size, std::nothrow);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
