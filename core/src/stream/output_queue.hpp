// The queue of bytes that a connection has written and its peer has not taken yet. Private to the drivers.
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

// Holds copied bytes, shared buffers and file ranges, in the order of the calls. All memory comes from the
// resource, which must outlive the queue; an empty queue holds no memory. Appending nothing does nothing. An
// append allocates at most once, and not at all if a shared buffer or a file range is appended to an empty
// queue. If the allocation fails, the append throws and the queue is unchanged.
//
// Copied pieces are joined in chunks of up to 64 KiB. A piece of 4 KiB or more that does not fit in the last
// chunk gets a chunk of exactly its size and is never moved. Smaller pieces are moved when their chunk
// grows, which costs amortised O(1) per byte. A consumed byte keeps at most its own chunk or buffer alive.
class OutputQueue {
public:
    // What a shared buffer or a file range costs in addition to its bytes: its entry, and the entry of a
    // chunk that may have to follow it.
    static constexpr std::size_t kEntryCost = 128;
    // Shared buffers up to this size are copied, unless fewer than kFewKept entries are kept. Keeping the
    // first few is cheaper, but a slow peer must not keep very many alive.
    static constexpr std::size_t kSmallShared = 256;
    static constexpr std::size_t kFewKept = 4;

    explicit OutputQueue(
        std::pmr::memory_resource* memory = std::pmr::get_default_resource()) noexcept;
    OutputQueue(const OutputQueue&) = delete;
    OutputQueue& operator=(const OutputQueue&) = delete;
    ~OutputQueue();

    void append(Bytes bytes);  // copies; `bytes` must not be in this queue
    void append(SharedBytes buffer);
    void append(FileRange range);

    bool empty() const noexcept { return first_ == nullptr; }
    // Bytes in memory, copied and shared, for statistics. Files are not counted. A queued file range shows
    // only in empty() and cost().
    std::size_t size() const noexcept { return size_; }
    // The number that max_write_buffer, high_water and low_water are compared with: size(), plus kEntryCost
    // for each kept shared buffer and file range. The memory held is at most twice this plus two chunks (128
    // KiB), plus the consumed bytes of a front entry that is partly consumed. Shared buffers count as if no
    // other queue had them.
    std::size_t cost() const noexcept { return size_ + kept_ * kEntryCost; }

    // Fills `into` with the leading pieces in memory, up to the first file, and returns their number. The
    // pieces are valid until the next call of a member that is not const.
    std::size_t gather(iovec* into, std::size_t most) const noexcept;
    // Returns the rest of the file range at the front; null if the front is memory or the queue is empty.
    const FileRange* front_file() const noexcept;
    // Removes the first `count` bytes, of memory or files. There must be that many.
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
    std::size_t kept_ = 0;  // entries that are not chunks
    // Holds the first entry if it is not a chunk and the queue was empty. So an occasional write by another
    // connection needs no allocation.
    alignas(void*) std::array<std::byte, 8 * sizeof(void*)> place_;
};

}  // namespace switchboard::detail
