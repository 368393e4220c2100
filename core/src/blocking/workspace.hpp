// The buffers of a thread that serves connections one after the other.
#pragma once

#include <memory>
#include <switchboard/transport.hpp>

namespace switchboard::detail {

// What a thread needs to serve a connection, and may use again for the next.
class Workspace {
public:
    Workspace() : in_(std::make_unique_for_overwrite<std::byte[]>(kSize)), out_(new Scratch) {}
    MutableBytes in() const noexcept { return {in_.get(), kSize}; }
    Scratch& out() const noexcept { return *out_; }

private:
    static constexpr std::size_t kSize = 64 * 1024;
    std::unique_ptr<std::byte[]> in_;  // not touched before use: costs memory only as needed
    std::unique_ptr<Scratch> out_;
};

}  // namespace switchboard::detail
