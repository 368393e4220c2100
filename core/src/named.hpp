// How a connection answers what an end of it is called. Private to the drivers.
#pragma once

#include <new>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

// The text that `known` answers, made by `make` when it is first asked for. Without memory for it an end has
// no name.
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

// `ask` is getpeername(2) or getsockname(2). An end that it knows nothing of has no address.
inline SocketAddress address_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) noexcept {
    SocketAddress address;
    return ask(fd, address.data(), address.capacity()) == 0 ? address : SocketAddress();
}

// An end whose address is asked for at once: when the peer is gone the system knows it no more.
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
