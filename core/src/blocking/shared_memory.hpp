// Memory that is shared across fork(2) between a parent and its children.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>
#include <switchboard/error.hpp>
#include <type_traits>

namespace switchboard::detail {

template <class T>
struct Unmap {
    std::size_t count = 0;
    void operator()(T* memory) const noexcept { ::munmap(memory, count * sizeof(T)); }
};

// An array of default-constructed objects.
template <class T>
using Shared = std::unique_ptr<T[], Unmap<T>>;

template <class T>
Result<Shared<T>> make_shared_memory(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    void* memory = ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fail_errno("map shared memory");
    T* first = static_cast<T*>(memory);
    for (std::size_t i = 0; i < count; ++i) new (first + i) T;
    return Shared<T>(first, Unmap<T>{count});
}

}  // namespace switchboard::detail
