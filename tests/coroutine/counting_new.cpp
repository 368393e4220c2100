// Counts the calls of operator new, which [new.delete.single] allows a program to replace.
#include "counting_new.hpp"

#include <cstdlib>
#include <new>

namespace switchboard::test {
std::atomic<std::size_t> allocations{0};
}

void* operator new(std::size_t size) {
    ++switchboard::test::allocations;
    void* const memory = std::malloc(size > 0 ? size : 1);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
