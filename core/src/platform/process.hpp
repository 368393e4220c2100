// Differences between systems in processes and threads. Private to core and reactor.
#pragma once

#include <array>
#include <cstddef>

namespace switchboard::platform {

// Called in a child process: the system kills it when the thread that forked it ends. Does nothing on
// systems without such a call; the child then ends when its work is done.
void end_with_parent() noexcept;

// The processors that a thread may run on, in the system's form.
struct Processors {
    std::array<std::byte, 128> bits{};
};
// Pins the calling thread to the `index`-th processor that it may use, modulo their number. Returns the
// processors that it could use before. Both functions do nothing on systems without such a call.
Processors pin_thread(std::size_t index) noexcept;
void unpin_thread(const Processors& before) noexcept;

}  // namespace switchboard::platform
