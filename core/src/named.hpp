// The names of the two ends of a connection, made on first use. Private to the drivers.
#pragma once

#include <new>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

// The endpoint that `known` refers to; `make` fills it on first use. If memory runs out, the answer is an
// endpoint without a name.
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

// `ask` is getpeername(2) or getsockname(2). If it fails, the answer is an empty address.
inline SocketAddress address_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) noexcept {
    SocketAddress address;
    return ask(fd, address.data(), address.capacity()) == 0 ? address : SocketAddress();
}

// An end whose address is read on construction, because the system forgets it when the peer is gone.
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
