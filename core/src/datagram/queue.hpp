// The queue of datagrams that are not sent yet.
#pragma once

#include <cstdint>
#include <span>
#include <switchboard/bytes.hpp>
#include <switchboard/datagram_address.hpp>
#include <vector>

#include "base/pmr_object.hpp"

namespace switchboard::detail {

// Keeps datagrams in order. Their bytes are contiguous, so that consecutive datagrams can be sent as one
// message. The memory comes from the resource passed in; it grows as needed and is used again, so there is
// no allocation per datagram.
class DatagramQueue {
public:
    static constexpr std::size_t kOverhead = 64;  // what a datagram counts in addition to its bytes

    struct Entry {
        DatagramAddress to;
        std::uint32_t size = 0;
        std::uint8_t tries = 0;  // that failed
        int error = 0;           // the last one
        std::size_t offset = 0;
    };

    explicit DatagramQueue(std::pmr::memory_resource* memory) noexcept
        : entries_(memory), bytes_(memory) {}

    // Returns false and queues nothing if memory runs out.
    bool push(const DatagramAddress& to, std::span<const Bytes> pieces, std::size_t size) noexcept;
    bool empty() const noexcept { return head_ == entries_.size(); }
    std::size_t count() const noexcept { return entries_.size() - head_; }
    std::size_t weight() const noexcept { return weight_; }    // bytes, with the overhead
    std::uint64_t popped() const noexcept { return popped_; }  // so far
    Entry& at(std::size_t index) noexcept { return entries_[head_ + index]; }
    Bytes bytes(const Entry& entry) const noexcept {
        return as_bytes(bytes_).subspan(entry.offset, entry.size);
    }
    void pop(std::size_t count = 1) noexcept;
    void clear() noexcept { pop(count()); }

private:
    void compact() noexcept;

    std::pmr::vector<Entry> entries_;
    BytesInResource bytes_;
    std::size_t head_ = 0;  // the first entry that is not sent
    std::size_t weight_ = 0;
    std::uint64_t popped_ = 0;
};

}  // namespace switchboard::detail
