#include <cstdlib>
#include <memory_resource>
#include <new>
#include <switchboard/testing/detail/allocations.hpp>

namespace switchboard::testing::detail {
namespace {

// Counted down to 0 by the allocation that fails; below 0 none fails.
thread_local long long until_failure = -1;
thread_local bool may_fail = false;

class CountingResource final : public std::pmr::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (allocation_fails()) throw std::bad_alloc();
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override {
        std::pmr::new_delete_resource()->deallocate(at, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }
};

CountingResource counting;

}  // namespace

AllocationsMayFail::AllocationsMayFail() noexcept : before_(may_fail) {
    may_fail = true;
}
AllocationsMayFail::~AllocationsMayFail() {
    may_fail = before_;
}

bool allocation_fails() noexcept {
    if (!may_fail || until_failure <= 0) return false;
    return --until_failure == 0;
}

void* try_allocate(std::size_t size, std::size_t alignment) noexcept {
    if (allocation_fails()) return nullptr;
    if (alignment <= alignof(std::max_align_t)) return std::malloc(size > 0 ? size : 1);
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
void* allocate(std::size_t size, std::size_t alignment) {
    void* const memory = try_allocate(size, alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

FailingAllocation::FailingAllocation(std::size_t n) {
    until_failure = static_cast<long long>(n);
    if (!new_counts) resource_before_ = std::pmr::set_default_resource(&counting);
}
FailingAllocation::~FailingAllocation() {
    until_failure = -1;
    if (resource_before_ != nullptr)
        std::pmr::set_default_resource(static_cast<std::pmr::memory_resource*>(resource_before_));
}
bool FailingAllocation::has_failed() const noexcept {
    return until_failure == 0;
}

}  // namespace switchboard::testing::detail
