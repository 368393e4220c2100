// Objects in a std::pmr::memory_resource. Private to core and reactor.
#pragma once

#include <memory>
#include <memory_resource>
#include <string>
#include <utility>

namespace switchboard::detail {

// Bytes of any value. This is not a pmr::vector<std::byte>, because libstdc++ 12 calls the allocator's
// construct() for each byte that is copied into a vector, while a string calls memcpy.
using BytesInResource = std::pmr::string;

// T::memory() returns the resource of the object, so the pointer does not have to hold it.
template <class T>
struct DestroyInResource {
    void operator()(T* object) const noexcept {
        std::pmr::memory_resource* const memory = object->memory();
        std::destroy_at(object);
        memory->deallocate(object, sizeof(T), alignof(T));
    }
};

template <class T>
using InResource = std::unique_ptr<T, DestroyInResource<T>>;

// Constructs a T in `memory`, which is also passed to T as the first argument.
template <class T, class... Args>
T* make_in(std::pmr::memory_resource* memory, Args&&... args) {
    void* const place = memory->allocate(sizeof(T), alignof(T));
    try {
        return new (place) T(memory, std::forward<Args>(args)...);
    } catch (...) {
        memory->deallocate(place, sizeof(T), alignof(T));
        throw;
    }
}

}  // namespace switchboard::detail
