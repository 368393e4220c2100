// Datagrams that wait to be sent.
#pragma once

#include <cstdint>
#include <span>
#include <switchboard/bytes.hpp>
#include <switchboard/datagram_peer.hpp>
#include <vector>

#include "../in_memory_resource.hpp"

namespace switchboard::detail {

// In order; their bytes lie one behind the other, so that several in a row can go out as one message.
// Its memory, in the resource it is made with, grows to what was once needed and is used again: no
// allocation per datagram.
class DatagramQueue {
public:
    static constexpr std::size_t kOverhead = 64;  // what one counts besides its bytes

    struct Entry {
        DatagramPeer to;
        std::uint32_t size = 0;
        std::uint8_t tries = 0;  // that met with an error
        int error = 0;           // the last one
        std::size_t offset = 0;
    };

    explicit DatagramQueue(std::pmr::memory_resource* memory) noexcept
        : entries_(memory), bytes_(memory) {}

    // False, and nothing was queued, if there is no memory for it.
    bool push(const DatagramPeer& to, std::span<const Bytes> pieces, std::size_t size) noexcept;
    bool empty() const noexcept { return head_ == entries_.size(); }
    std::size_t count() const noexcept { return entries_.size() - head_; }
    std::size_t weight() const noexcept { return weight_; }    // bytes, with the overhead
    std::uint64_t popped() const noexcept { return popped_; }  // ever
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
    std::size_t head_ = 0;  // the first entry not sent
    std::size_t weight_ = 0;
    std::uint64_t popped_ = 0;
};

}  // namespace switchboard::detail
