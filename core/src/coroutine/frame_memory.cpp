// The memory of coroutine frames.
#include <switchboard/coroutine.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <new>

namespace switchboard::detail {
namespace {

constexpr std::size_t kAlignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

// The end of each block.
struct Owner {
    Stream* stream;  // null: the block is from operator new
};

constexpr std::size_t block_size(std::size_t frame_size) {
    return (frame_size + sizeof(Owner) + kAlignment - 1) / kAlignment * kAlignment;
}

std::byte* owner_in(void* block, std::size_t size) {
    return static_cast<std::byte*>(block) + size - sizeof(Owner);
}

// The size of a spare block is in its first word.
std::size_t spare_size(const void* spare) {
    std::size_t size = 0;
    std::memcpy(&size, spare, sizeof size);
    return size;
}

}  // namespace

void* FrameMemory::allocate(std::size_t size, Stream* stream) {
    const std::size_t block = block_size(size);
    void* memory = nullptr;
    if (stream == nullptr)
        memory = ::operator new(block);
    else if (stream->spare_ != nullptr && spare_size(stream->spare_) == block)
        memory = std::exchange(stream->spare_, nullptr);
    else
        memory = stream->memory_->allocate(block, kAlignment);
    const Owner owner{stream};
    std::memcpy(owner_in(memory, block), &owner, sizeof owner);
    return memory;
}

void FrameMemory::release(void* frame, std::size_t size) noexcept {
    const std::size_t block = block_size(size);
    Owner owner{};
    std::memcpy(&owner, owner_in(frame, block), sizeof owner);
    Stream* const stream = owner.stream;
    if (stream == nullptr) return ::operator delete(frame);
    drop_spare(*stream);
    std::memcpy(frame, &block, sizeof block);
    stream->spare_ = frame;
}

void FrameMemory::drop_spare(Stream& stream) noexcept {
    void* const spare = std::exchange(stream.spare_, nullptr);
    if (spare == nullptr) return;
    stream.memory_->deallocate(spare, spare_size(spare), kAlignment);
}

void FrameMemory::refuse() noexcept {
    std::fputs(
        "switchboard: the compiler has laid out the frame of a coroutine wrongly (a fault of gcc "
        "12).\n"
        "The coroutine has no local variable, and a condition with co_await. Give its result a "
        "name, "
        "as in\n\"if (const bool more = co_await ...)\".\n",
        stderr);
    std::abort();
}

}  // namespace switchboard::detail
