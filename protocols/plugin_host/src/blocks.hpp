// The memory of the connections of a plugin.
#pragma once

#include <switchboard/plugin.h>
#include <cstddef>
#include <mutex>
#include <string>

namespace switchboard {
class Connection;
namespace plugin_host {
class Plugin;
struct Service;
struct StreamTable;
}  // namespace plugin_host
}  // namespace switchboard

// The front of each block. The plugin may keep a pointer to it longer than it should. So the block is never
// returned to the system, and rests before it is used again: such a pointer finds that the connection is
// gone.
struct sb_peer {
    switchboard::Connection* connection;  // null before on_open and after on_close
    switchboard::plugin_host::StreamTable* stream;
    union {
        switchboard::plugin_host::Service* service;
        sb_peer* next;  // while the block rests
    };
    std::string* failure;  // what the plugin gave to failed()
};

namespace switchboard::plugin_host {

// Blocks of one size. Threading: thread-safe.
class Blocks {
public:
    explicit Blocks(std::size_t size) noexcept : size_(size) {}
    Blocks(const Blocks&) = delete;
    Blocks& operator=(const Blocks&) = delete;

    // Throws std::bad_alloc. The front of the block is set to zero.
    sb_peer* take();
    void give_back(sb_peer* block) noexcept;
    // How many were taken and not given back yet.
    std::size_t in_use() const;

private:
    static constexpr std::size_t kRest =
        1024;  // how many other blocks come back before one is used again

    const std::size_t size_;
    mutable std::mutex mutex_;
    sb_peer* oldest_ = nullptr;
    sb_peer* newest_ = nullptr;
    std::size_t resting_ = 0, in_use_ = 0;
};

}  // namespace switchboard::plugin_host
