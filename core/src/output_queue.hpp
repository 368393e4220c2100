// What a connection has written and its peer has not taken yet. Private to the drivers.
#pragma once

#include <sys/uio.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <switchboard/bytes.hpp>
#include <switchboard/file.hpp>
#include <vector>

namespace switchboard::detail {

// Copied bytes, shared buffers and file ranges, in the order of the calls. All memory is of the
// resource, which outlives the queue; an empty queue holds none. A call with nothing in it does
// nothing. An append allocates once at most, and not at all for a shared buffer or a file range that
// finds the queue empty; if it fails, it throws and the queue is as before.
//
// Copied pieces join chunks of up to 64 KiB. A piece of 4 KiB or more that finds no room in the last
// chunk gets one of exactly its size and is never moved again; smaller pieces are moved when their
// chunk grows, amortised O(1) a byte. A consumed byte holds at most the chunk or buffer it lies in.
class OutputQueue {
public:
    // What a shared buffer or a file range costs beside its bytes: its entry, and that of the chunk
    // which may have to follow it.
    static constexpr std::size_t kEntryCost = 128;
    // Shared buffers up to this size are copied, unless fewer than kFewKept entries are kept: the
    // first ones are cheaper to keep, but a peer that reads slowly must not hold very many.
    static constexpr std::size_t kSmallShared = 256;
    static constexpr std::size_t kFewKept = 4;

    explicit OutputQueue(
        std::pmr::memory_resource* memory = std::pmr::get_default_resource()) noexcept;
    OutputQueue(const OutputQueue&) = delete;
    OutputQueue& operator=(const OutputQueue&) = delete;
    ~OutputQueue();

    void append(Bytes bytes);  // copies; `bytes` must not be the queue's own
    void append(std::shared_ptr<const std::vector<std::byte>> buffer);
    void append(FileRange range);

    bool empty() const noexcept { return first_ == nullptr; }
    // Bytes in memory, copied and shared, as statistics show them. Those of files are not in it. A
    // file range that still waits shows in empty() and cost() alone.
    std::size_t size() const noexcept { return size_; }
    // What max_queued, high_water and low_water are compared with: size(), and kEntryCost for each
    // shared buffer and file range that is kept. The memory held is at most twice this and two chunks
    // (128 KiB), shared buffers counted as if they were this queue's alone; of a front that is
    // consumed in part, the consumed bytes come on top.
    std::size_t cost() const noexcept { return size_ + kept_ * kEntryCost; }

    // The leading pieces in memory, up to the first file: how many of `into` were filled. They stay
    // where they are until the next call that is not const.
    std::size_t gather(iovec* into, std::size_t most) const noexcept;
    // What is left of the file range at the front; null if memory, or nothing, is at the front.
    const FileRange* front_file() const noexcept;
    // The first `count` bytes were taken, of memory or of files. At most what there is.
    void consume(std::uint64_t count) noexcept;
    void clear() noexcept;

private:
    struct Entry;
    template <class What>
    void link(What&& what, std::size_t room = 0);
    void destroy(Entry* entry) noexcept;
    Entry& chunk_for(std::size_t more);
    Entry& grow_last(std::size_t more);
    void drop_front() noexcept;

    std::pmr::memory_resource* memory_;
    Entry* first_ = nullptr;
    Entry* last_ = nullptr;
    std::size_t size_ = 0;
    std::size_t kept_ = 0;  // entries that are no chunks
    // Of the first entry, if it was no chunk and the queue was empty: a connection to which others
    // write now and then costs no allocation each time.
    alignas(void*) std::array<std::byte, 8 * sizeof(void*)> place_;
};

}  // namespace switchboard::detail
