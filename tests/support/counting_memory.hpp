// A memory resource that tests can inspect.
#pragma once

#include <algorithm>
#include <memory_resource>
#include <new>

namespace switchboard::test {

// Counts allocated bytes and calls.
class CountingMemory final : public std::pmr::memory_resource {
public:
    std::size_t lent = 0, most = 0, calls = 0;
    bool empty = false;  // throws std::bad_alloc from now on

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        ++calls;
        if (empty) throw std::bad_alloc();
        most = std::max(most, lent += bytes);
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override {
        lent -= bytes;
        std::pmr::new_delete_resource()->deallocate(at, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }
};

}  // namespace switchboard::test
