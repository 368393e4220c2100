#include "output_queue.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>
#include <variant>

namespace switchboard::detail {
namespace {

// Chunks do not grow beyond this size, so that a queue that never runs empty frees what was consumed.
constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kLeastChunk = 64;
constexpr std::size_t kLargePiece = 4 * 1024;  // pieces from this size on are copied only once

}  // namespace

// A single allocation has the entry and, for a chunk, its bytes behind it.
struct OutputQueue::Entry {
    struct Chunk {
        std::size_t capacity;
        bool may_grow;
        std::size_t size = 0;
    };

    std::variant<Chunk, SharedBytes, FileRange> what;
    std::size_t used = 0;  // leading bytes that are consumed
    Entry* previous = nullptr;
    Entry* next = nullptr;

    Chunk* chunk() noexcept { return std::get_if<Chunk>(&what); }
    const Chunk* chunk() const noexcept { return std::get_if<Chunk>(&what); }
    FileRange* file() noexcept { return std::get_if<FileRange>(&what); }
    const FileRange* file() const noexcept { return std::get_if<FileRange>(&what); }

    Bytes memory() const noexcept {
        const auto* own = reinterpret_cast<const std::byte*>(this + 1);
        const Bytes all =
            chunk() ? Bytes(own, chunk()->size) : std::get_if<SharedBytes>(&what)->bytes;
        return all.subspan(used);
    }
    std::uint64_t left() const noexcept { return file() ? file()->length : memory().size(); }

    void add(Bytes bytes) noexcept {
        std::memcpy(reinterpret_cast<std::byte*>(this + 1) + chunk()->size, bytes.data(),
                    bytes.size());
        chunk()->size += bytes.size();
    }
};

OutputQueue::OutputQueue(std::pmr::memory_resource* memory) noexcept : memory_(memory) {}

OutputQueue::~OutputQueue() {
    clear();
}

void OutputQueue::append(Bytes bytes) {
    if (bytes.empty()) return;
    chunk_for(bytes.size()).add(bytes);
    size_ += bytes.size();
}

void OutputQueue::append(SharedBytes buffer) {
    if (buffer.bytes.empty()) return;
    if (buffer.bytes.size() <= kSmallShared && kept_ >= kFewKept) return append(buffer.bytes);
    const std::size_t more = buffer.bytes.size();
    link(std::move(buffer));
    size_ += more;
    ++kept_;
}

void OutputQueue::append(FileRange range) {
    if (range.length == 0) return;
    link(std::move(range));
    ++kept_;
}

// Returns the last entry, after making sure that it is a chunk with room for `more` bytes.
OutputQueue::Entry& OutputQueue::chunk_for(std::size_t more) {
    const Entry::Chunk* const last = last_ ? last_->chunk() : nullptr;
    if (last && more <= last->capacity - last->size) return *last_;
    const bool is_large = more >= kLargePiece;
    if (last && last->may_grow && !is_large && last->size + more <= kChunk) return grow_last(more);
    const std::size_t room = std::max(more, kLeastChunk);
    link(Entry::Chunk{room, !is_large}, room);
    return *last_;
}

// Moves the last chunk to twice the memory (entry included). Consumed bytes are not copied.
OutputQueue::Entry& OutputQueue::grow_last(std::size_t more) {
    const Entry::Chunk& old = *last_->chunk();
    const std::size_t room = std::clamp(2 * old.capacity + sizeof(Entry), old.size + more, kChunk);
    Entry* const moved = last_;
    link(Entry::Chunk{room, true}, room);
    last_->add(moved->memory());
    last_->previous = moved->previous;
    (moved->previous ? moved->previous->next : first_) = last_;
    destroy(moved);
    return *last_;
}

template <class What>
void OutputQueue::link(What&& what, std::size_t room) {
    static_assert(sizeof(Entry) <= sizeof place_ && alignof(Entry) <= alignof(void*));
    void* const place = first_ == nullptr && room == 0
                            ? place_.data()
                            : memory_->allocate(sizeof(Entry) + room, alignof(Entry));
    auto* const entry = new (place) Entry{std::forward<What>(what), 0, last_};
    (last_ ? last_->next : first_) = entry;
    last_ = entry;
}

void OutputQueue::destroy(Entry* entry) noexcept {
    const std::size_t room = entry->chunk() ? entry->chunk()->capacity : 0;
    std::destroy_at(entry);
    if (static_cast<void*>(entry) != place_.data())
        memory_->deallocate(entry, sizeof(Entry) + room, alignof(Entry));
}

void OutputQueue::drop_front() noexcept {
    if (!first_->chunk()) --kept_;
    Entry* const next = first_->next;
    destroy(first_);
    first_ = next;
    (next ? next->previous : last_) = nullptr;
}

std::size_t OutputQueue::gather(iovec* into, std::size_t most) const noexcept {
    std::size_t count = 0;
    for (const Entry* entry = first_; entry && count < most; entry = entry->next) {
        if (entry->file()) break;
        const Bytes memory = entry->memory();
        into[count++] = {const_cast<std::byte*>(memory.data()), memory.size()};
    }
    return count;
}

const FileRange* OutputQueue::front_file() const noexcept {
    return first_ ? std::as_const(*first_).file() : nullptr;
}

void OutputQueue::consume(std::uint64_t count) noexcept {
    while (count > 0) {
        assert(first_ && "consumed more than there was");
        const std::uint64_t left = first_->left();
        const std::uint64_t part = std::min(count, left);
        if (FileRange* const file = first_->file()) {
            file->offset += part;
            file->length -= part;
        } else {
            first_->used += static_cast<std::size_t>(part);
            size_ -= static_cast<std::size_t>(part);
        }
        count -= part;
        if (part == left) drop_front();
    }
}

void OutputQueue::clear() noexcept {
    while (first_) drop_front();
    size_ = 0;
}

}  // namespace switchboard::detail
