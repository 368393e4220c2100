// ConnectionTable: the memory of a reactor's connections, which are found by slot and generation.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <switchboard/connection.hpp>
#include <utility>
#include <vector>

#include "base/pmr_object.hpp"

namespace switchboard::detail {

// Creates and destroys T in places that never move. A place is reused with a new generation, unless its
// generations have run out. The memory of destroyed objects is kept for later ones. Threading: one thread.
template <class T>
class ConnectionTable {
public:
    explicit ConnectionTable(std::pmr::memory_resource* memory = std::pmr::get_default_resource())
        : chunks_(memory) {}
    ConnectionTable(const ConnectionTable&) = delete;
    ConnectionTable& operator=(const ConnectionTable&) = delete;
    ~ConnectionTable() {
        for_each([this](T& t) { destroy(t.slot()); });
    }

    std::size_t size() const noexcept { return size_; }

    // The constructor of T gets the slot as its first argument.
    template <class... Args>
    T& create(Args&&... args) {
        const std::uint32_t slot = free_slot();
        T* made = new (place(slot)) T(slot, std::forward<Args>(args)...);
        chunk(slot).live |= bit(slot);
        ++size_;
        return *made;
    }

    void destroy(std::uint32_t slot) {
        at(slot).~T();
        chunk(slot).live &= ~bit(slot);
        --size_;
        if (++chunk(slot).generation[slot % kChunk] == 0) return;
        new (place(slot)) std::uint32_t(free_);  // a free place contains the next free slot
        free_ = slot;
    }

    ConnectionId id(std::uint32_t slot) const noexcept {
        return {slot, chunks_[slot / kChunk]->generation[slot % kChunk]};
    }

    T* find(ConnectionId id) noexcept {
        if (id.slot / kChunk >= chunks_.size()) return nullptr;
        Chunk& c = chunk(id.slot);
        const bool live = (c.live & bit(id.slot)) != 0;
        return live && c.generation[id.slot % kChunk] == id.generation ? &at(id.slot) : nullptr;
    }

    // `slot` must be in use.
    T& at(std::uint32_t slot) noexcept { return *std::launder(reinterpret_cast<T*>(place(slot))); }

    // `visit` may destroy the object it is given. It may create others, which may or may not be visited.
    template <class Visit>
    void for_each(Visit&& visit) {
        for (std::size_t i = 0; i < chunks_.size(); ++i) {
            for (std::uint64_t left = chunks_[i]->live; left != 0; left &= left - 1) {
                const auto slot = i * kChunk + static_cast<unsigned>(std::countr_zero(left));
                visit(at(static_cast<std::uint32_t>(slot)));
            }
        }
    }

private:
    static constexpr std::uint32_t kChunk = 64;
    static constexpr std::uint32_t kNone = 0xffffffff;

    struct Chunk {
        explicit Chunk(std::pmr::memory_resource* memory) : memory_(memory) {
            generation.fill(1);  // so that no default ConnectionId is valid
        }
        std::pmr::memory_resource* memory() const noexcept { return memory_; }

        std::pmr::memory_resource* memory_;
        std::uint64_t live = 0;
        std::array<std::uint32_t, kChunk> generation;
        alignas(T) std::array<std::byte, sizeof(T) * kChunk> places;
    };

    static std::uint64_t bit(std::uint32_t slot) noexcept {
        return std::uint64_t{1} << slot % kChunk;
    }
    Chunk& chunk(std::uint32_t slot) noexcept { return *chunks_[slot / kChunk]; }
    std::byte* place(std::uint32_t slot) noexcept {
        return chunk(slot).places.data() + sizeof(T) * (slot % kChunk);
    }

    std::uint32_t free_slot() {
        if (free_ != kNone) {
            return std::exchange(free_, *reinterpret_cast<std::uint32_t*>(place(free_)));
        }
        // Chunks are default-initialised, so that memory that is not used yet is not touched.
        if (fresh_ % kChunk == 0) add_chunk();
        return fresh_++;
    }

    void add_chunk() {
        chunks_.emplace_back();  // first, so that nothing leaks if one of the two fails
        try {
            chunks_.back().reset(make_in<Chunk>(chunks_.get_allocator().resource()));
        } catch (...) {
            chunks_.pop_back();
            throw;
        }
    }

    std::pmr::vector<InResource<Chunk>> chunks_;
    std::uint32_t free_ = kNone;  // the first free slot that was used before
    std::uint32_t fresh_ = 0;     // the first slot that was never used
    std::size_t size_ = 0;
};

}  // namespace switchboard::detail
