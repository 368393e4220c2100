// The buffers of a thread that serves one connection after another.
#pragma once

#include <memory>
#include <switchboard/driver/transport.hpp>

namespace switchboard::detail {

// The buffers needed to serve a connection. They are used again for the next connection.
class Workspace {
public:
    Workspace() : in_(std::make_unique_for_overwrite<std::byte[]>(kSize)), out_(new CorkBuffer) {}
    MutableBytes in() const noexcept { return {in_.get(), kSize}; }
    CorkBuffer& out() const noexcept { return *out_; }

private:
    static constexpr std::size_t kSize = 64 * 1024;
    std::unique_ptr<std::byte[]> in_;  // not initialised, so the system maps only what is used
    std::unique_ptr<CorkBuffer> out_;
};

}  // namespace switchboard::detail
