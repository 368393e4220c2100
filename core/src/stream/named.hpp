// The endpoints of the two ends of a connection, created on first use. Private to the drivers.
#pragma once

#include <new>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

// Returns the endpoint that `known` refers to, after filling it by `make` on first use. If memory runs out,
// it returns an empty endpoint.
template <class Known, class Make>
const Endpoint& named(Known&& known, Make&& make) noexcept {
    static const Endpoint nameless;
    try {
        Endpoint& text = known();
        if (text.kind() == Endpoint::Kind::none) text = make();
        return text;
    } catch (const std::bad_alloc&) {
        return nameless;
    }
}

// `ask` is getpeername(2) or getsockname(2). Returns an empty address if it fails.
inline SocketAddress address_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) noexcept {
    SocketAddress address;
    return ask(fd, address.data(), address.capacity()) == 0 ? address : SocketAddress();
}

// One end of a connection. Its address is read on construction, because the system forgets it when the peer
// has closed.
class End {
public:
    End(int fd, int (*ask)(int, sockaddr*, socklen_t*)) noexcept : address_(address_of(fd, ask)) {}
    const Endpoint& name() const noexcept {
        return named([this]() -> Endpoint& { return text_; },
                     [this] { return Endpoint::from(address_); });
    }

private:
    const SocketAddress address_;
    mutable Endpoint text_;
};

}  // namespace switchboard::detail
