// What differs between systems about processes and threads. Private to core and reactor.
#pragma once

#include <array>
#include <cstddef>

namespace switchboard::platform {

// In a child: the system ends it when the thread that forked it is gone. Where there is no such
// call this does nothing, and the child ends with what it is doing.
void end_with_parent() noexcept;

// The processors that a thread may run on, as the system has them.
struct Processors {
    std::array<std::byte, 128> bits{};
};
// Keeps the calling thread on the `index`-th processor that it may use, modulo their number; answers
// those it could use before. Where there is no such call it does nothing, and neither does the other.
Processors pin_thread(std::size_t index) noexcept;
void unpin_thread(const Processors& before) noexcept;

}  // namespace switchboard::platform
