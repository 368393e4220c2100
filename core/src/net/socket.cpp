#include <switchboard/socket.hpp>

#include <unistd.h>
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "accept.hpp"
#include "connect_errors.hpp"
#include "platform/platform.hpp"
#include "socket_options.hpp"

namespace switchboard {
namespace {

// Repeats a call that was interrupted.
template <class Call>
auto restarted(Call call) {
    auto answer = call();
    while (answer < 0 && errno == EINTR) answer = call();
    return answer;
}

// More failures in a row than most backlogs hold are not lost connections: accept(2) itself fails, and would
// fail forever.
constexpr int kMostLost = 512;

// man 2 accept: the connection was lost before it was accepted. The next one may be good.
bool lost_before_accept(int error) {
    switch (error) {
        case ECONNABORTED:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENETDOWN:
        case ENETUNREACH:
        case ENOPROTOOPT:
        case EPERM:
        case EPROTO:
        case ETIMEDOUT: return true;
        default: return false;
    }
}

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Result<Endpoint> name_of(int fd, NameCall call, const char* name) {
    SocketAddress address;
    if (call(fd, address.data(), address.capacity()) < 0) return fail_errno(name);
    return Endpoint::from(address, detail::inet_kind(fd));
}

}  // namespace

SocketAddress::SocketAddress(const sockaddr* address, socklen_t size)
    : size_(std::min(size, static_cast<socklen_t>(sizeof storage_))) {
    std::memcpy(&storage_, address, size_);
    platform::set_length(&storage_, size_);
}

Socket& Socket::operator=(Socket&& other) noexcept {
    Socket moved(std::move(other));
    std::swap(fd_, moved.fd_);
    return *this;
}

// After EINTR, close(2) must not be repeated: the descriptor is closed, and its number may be in use again.
void Socket::close() noexcept {
    if (fd_ >= 0) ::close(release());
}

Result<Socket> detail::accept_from(int listener, Blocking blocking, SocketAddress* peer) {
    const auto once = [&] {
        return platform::accept_socket(listener, peer != nullptr ? peer->data() : nullptr,
                                       peer != nullptr ? peer->capacity() : nullptr,
                                       blocking == Blocking::yes);
    };
    int fd = restarted(once);
    for (int lost = 1; fd < 0 && lost < kMostLost && lost_before_accept(errno); ++lost)
        fd = restarted(once);
    if (fd < 0) return fail_errno("accept");
    return Socket(fd);
}

Result<Socket> Socket::accept(Blocking blocking, SocketAddress* peer) const {
    return detail::accept_from(fd_, blocking, peer);
}

Result<std::size_t> Socket::receive(MutableBytes into) const {
    assert(!into.empty() && "nothing received would read as the peer's FIN");
    const ssize_t got = restarted([&] { return ::recv(fd_, into.data(), into.size(), 0); });
    if (got < 0) return fail_errno("receive");
    return static_cast<std::size_t>(got);
}

Result<std::size_t> Socket::send(Bytes bytes) const {
    const ssize_t sent =
        restarted([&] { return ::send(fd_, bytes.data(), bytes.size(), platform::kSendFlags); });
    if (sent < 0) return fail_errno("send");
    return static_cast<std::size_t>(sent);
}

Result<void> Socket::send_all(Bytes bytes) const {
    while (!bytes.empty()) {
        const auto sent = send(bytes);
        if (!sent) return tl::unexpected(sent.error());
        bytes = bytes.subspan(*sent);
    }
    return {};
}

Result<void> Socket::set_timeouts(std::chrono::milliseconds receive,
                                  std::chrono::milliseconds send) {
    if (!detail::set_timeout(fd_, SO_RCVTIMEO, receive) ||
        !detail::set_timeout(fd_, SO_SNDTIMEO, send))
        return fail_errno("set timeouts");
    return {};
}

Result<void> Socket::set_blocking(Blocking blocking) {
    if (platform::set_blocking(fd_, blocking == Blocking::yes) < 0)
        return fail_errno("set blocking");
    return {};
}

Result<void> Socket::shutdown_write() const {
    if (::shutdown(fd_, SHUT_WR) < 0) return fail_errno("shutdown");
    return {};
}

void Socket::shutdown() const noexcept {
    ::shutdown(fd_, SHUT_RDWR);
}

void Socket::reset_on_close() const noexcept {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

Result<Endpoint> Socket::local() const {
    return name_of(fd_, ::getsockname, "getsockname");
}
Result<Endpoint> Socket::peer() const {
    return name_of(fd_, ::getpeername, "getpeername");
}

Result<PeerCredentials> detail::peer_credentials(int fd) {
    PeerCredentials peer;
    if (platform::peer_credentials(fd, peer) == 0) return peer;
    if (errno == ENOTSUP) return fail(errc::unsupported, "peer credentials");
    return fail_errno("peer credentials");
}

Result<PeerCredentials> Socket::peer_credentials() const {
    return detail::peer_credentials(fd_);
}

bool detail::meets_itself(int fd) noexcept {
    SocketAddress own, peer;
    return ::getsockname(fd, own.data(), own.capacity()) == 0 && is_inet(own.family()) &&
           ::getpeername(fd, peer.data(), peer.capacity()) == 0 && own.size() == peer.size() &&
           std::memcmp(own.data(), peer.data(), own.size()) == 0;
}

std::error_code detail::connect_error(const Socket& socket) noexcept {
    if (const auto error = socket.take_error()) return error;
    if (!meets_itself(socket.fd())) return {};
    socket.reset_on_close();  // otherwise TIME_WAIT would block the port for a listener
    return {ECONNREFUSED, std::system_category()};
}

std::error_code Socket::take_error() const noexcept {
    return detail::take_error(fd_);
}

std::error_code detail::take_error(int fd) noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return last_error();
    return error == 0 ? std::error_code() : std::error_code(error, std::system_category());
}

}  // namespace switchboard
