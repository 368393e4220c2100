#include "output_queue.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <utility>
#include <variant>

#include "in_memory_resource.hpp"

namespace switchboard::detail {
namespace {

// Past this size a chunk grows no more, so that a queue that never runs empty lets go of what it
// has consumed.
constexpr std::size_t kChunk = 64 * 1024;

using Owned = BytesInResource;
using Shared = std::shared_ptr<const std::vector<std::byte>>;

struct Segment {
    std::variant<Owned, Shared, FileRange> what;
    std::size_t used = 0;  // leading bytes of the memory that are consumed

    const FileRange* file() const { return std::get_if<FileRange>(&what); }
    Bytes memory() const {
        const auto* owned = std::get_if<Owned>(&what);
        return (owned ? as_bytes(*owned) : Bytes(*std::get<Shared>(what))).subspan(used);
    }
    std::uint64_t left() const { return file() ? file()->length : memory().size(); }
};

}  // namespace

struct OutputQueue::State {
    explicit State(std::pmr::memory_resource* memory) : segments(memory) {}

    std::pmr::memory_resource* memory() const { return segments.get_allocator().resource(); }

    std::pmr::deque<Segment> segments;
    std::size_t size = 0;

    // The chunk at the end, if `more` bytes may join it.
    Owned* open_chunk(std::size_t more) {
        if (segments.empty()) return nullptr;
        auto* last = std::get_if<Owned>(&segments.back().what);
        return last && last->size() + more <= kChunk ? last : nullptr;
    }

    void consume_front(std::uint64_t count) {
        Segment& front = segments.front();
        if (auto* file = std::get_if<FileRange>(&front.what)) {
            file->offset += count;
            file->length -= count;
        } else {
            front.used += static_cast<std::size_t>(count);
            size -= static_cast<std::size_t>(count);
        }
    }
};

void OutputQueue::DestroyState::operator()(State* state) const noexcept {
    DestroyInResource<State>()(state);
}

OutputQueue::OutputQueue(std::pmr::memory_resource* memory) noexcept : memory_(memory) {}
OutputQueue::OutputQueue(OutputQueue&&) noexcept = default;
OutputQueue& OutputQueue::operator=(OutputQueue&&) noexcept = default;
OutputQueue::~OutputQueue() = default;

OutputQueue::State& OutputQueue::state() {
    if (!state_) state_.reset(make_in<State>(memory_));
    return *state_;
}

void OutputQueue::append(Bytes bytes) {
    if (bytes.empty()) return;
    State& s = state();
    Owned* chunk = s.open_chunk(bytes.size());
    if (!chunk) chunk = &std::get<Owned>(s.segments.emplace_back(Segment{Owned(memory_)}).what);
    chunk->append(as_text(bytes));
    s.size += bytes.size();
}

void OutputQueue::append(Shared buffer) {
    if (!buffer || buffer->empty()) return;
    State& s = state();
    s.size += buffer->size();
    s.segments.push_back({std::move(buffer)});
}

void OutputQueue::append(FileRange range) {
    if (range.length == 0) return;
    state().segments.push_back({std::move(range)});
}

std::size_t OutputQueue::size() const noexcept {
    return state_ ? state_->size : 0;
}

std::size_t OutputQueue::gather(iovec* into, std::size_t most) const noexcept {
    if (!state_) return 0;
    std::size_t count = 0;
    for (const Segment& segment : state_->segments) {
        if (count == most || segment.file()) break;
        const Bytes memory = segment.memory();
        into[count++] = {const_cast<std::byte*>(memory.data()), memory.size()};
    }
    return count;
}

const FileRange* OutputQueue::front_file() const noexcept {
    return state_ ? state_->segments.front().file() : nullptr;
}

void OutputQueue::consume(std::uint64_t count) noexcept {
    while (count > 0) {
        assert(state_ && "consumed more than there was");
        const std::uint64_t left = state_->segments.front().left();
        const std::uint64_t part = std::min(count, left);
        state_->consume_front(part);
        count -= part;
        if (part < left) continue;
        state_->segments.pop_front();
        if (state_->segments.empty()) clear();
    }
}

void OutputQueue::clear() noexcept {
    state_.reset();
}

}  // namespace switchboard::detail
