// What a connection has written and its peer has not taken yet. Private to the drivers.
#pragma once

#include <sys/uio.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <switchboard/bytes.hpp>
#include <switchboard/file.hpp>
#include <vector>

namespace switchboard::detail {

// Copied bytes, shared buffers and file ranges, in the order of the calls. Sixteen bytes and
// nothing on the heap while empty. Every byte costs amortised O(1), however small the pieces it came in,
// and a byte that was consumed holds at most one chunk in memory, all of it in `memory`, which
// outlives the queue. Calls with nothing in them do
// nothing.
class OutputQueue {
public:
    explicit OutputQueue(
        std::pmr::memory_resource* memory = std::pmr::get_default_resource()) noexcept;
    OutputQueue(OutputQueue&& other) noexcept;
    OutputQueue& operator=(OutputQueue&& other) noexcept;
    ~OutputQueue();

    void append(Bytes bytes);  // copies; `bytes` must not be the queue's own
    void append(std::shared_ptr<const std::vector<std::byte>> buffer);
    void append(FileRange range);

    bool empty() const noexcept { return state_ == nullptr; }
    // Bytes in memory, copied and shared. Those of files are not in it and do not count against
    // max_queued: they take no memory. A file range that still waits shows in empty() alone.
    std::size_t size() const noexcept;

    // The leading pieces in memory, up to the first file: how many of `into` were filled. They stay
    // where they are until the next call that is not const.
    std::size_t gather(iovec* into, std::size_t most) const noexcept;
    // What is left of the file range at the front; null if memory, or nothing, is at the front.
    const FileRange* front_file() const noexcept;
    // The first `count` bytes were taken, of memory or of files. At most what there is.
    void consume(std::uint64_t count) noexcept;
    void clear() noexcept;

private:
    struct State;
    State& state();

    struct DestroyState {
        void operator()(State* state) const noexcept;
    };

    std::pmr::memory_resource* memory_;
    std::unique_ptr<State, DestroyState> state_;
};

}  // namespace switchboard::detail
