#include "socket_port.hpp"

#include <cerrno>

#include "peer_access.hpp"

namespace switchboard::detail {
namespace {

// Returns whether the socket itself is unusable, so that nothing will ever come.
bool is_fatal(int error) {
    return error == EBADF || error == ENOTSOCK || error == EFAULT || error == ENOTCONN;
}

// Returns whether the error may be an ICMP report. The errors excluded here never are. If memory, or space
// in a queue of the system that no call waits for (ENOBUFS of BSD), is missing, a retry would fail again at
// once.
bool may_be_of_earlier(int error) {
    return error != EINVAL && error != ENOBUFS && error != ENOMEM;
}

std::error_code of_system(int error) {
    return {error, std::system_category()};
}

int family_of(const Socket& socket) {
    SocketAddress name;
    return ::getsockname(socket.fd(), name.data(), name.capacity()) == 0 ? name.family() : AF_INET;
}

DatagramAddress peer_of(const Socket& socket) {
    SocketAddress name;
    const bool connected = ::getpeername(socket.fd(), name.data(), name.capacity()) == 0;
    return connected ? DatagramAddress(name) : DatagramAddress();
}

}  // namespace

SocketPort::SocketPort(const Socket& socket, Endpoint local,
                       std::unique_ptr<DatagramProtocol> protocol, const DatagramLimits& limits,
                       DatagramIo& io, std::pmr::memory_resource* memory)
    : DatagramPort(std::move(protocol), limits, peer_of(socket), memory),
      socket_(socket),
      io_(io),
      local_(std::move(local)),
      family_(family_of(socket)),
      joins_(platform::want_coalesced(socket.fd())) {
    peer_ = connected().endpoint();
}

void SocketPort::read() {
    std::size_t budget = limits().read_budget;
    for (unsigned i = 0; i < kBatchesPerTurn && reads(); ++i) {
        const platform::Moved got = io_.receiver.receive(socket_.fd());
        const std::size_t bytes = io_.receiver.deliver(*this, got.count);
        flush();
        if (got.error != 0 && !goes_on_after(got.error)) return;
        if (got.error == 0 && got.count < kDatagramBatch) return;
        if (bytes >= budget) return;
        budget -= bytes;
    }
}

void SocketPort::take_error() {
    if (const auto error = socket_.take_error()) note_earlier(error);
}

// An ICMP report about a sent datagram does not end the reading.
bool SocketPort::goes_on_after(int error) {
    if (error == EAGAIN || error == EWOULDBLOCK) return false;
    if (error == EINTR) return true;
    if (is_fatal(error)) {
        abort(of_system(error));
        return false;
    }
    note_earlier(of_system(error));
    return true;
}

bool SocketPort::send_queue() {
    while (!queue().empty()) {
        const int before = queue().at(0).error;
        const std::uint64_t popped = queue().popped();
        const int error = io_.sender.send(socket_.fd(), family_, joins_, queue());
        if (before != 0 && queue().popped() != popped) note_earlier(of_system(before));
        if (error == EAGAIN || error == EWOULDBLOCK) return false;
        if (error != 0 && error != EINTR) send_failed(error);
    }
    return true;
}

// The system reports an ICMP error about an earlier datagram once, in the next call (man 7 udp). It looks
// like an error of the datagram that is being sent. So that datagram is tried again before the error is
// attributed to it.
void SocketPort::send_failed(int error) {
    DatagramQueue::Entry& entry = queue().at(0);
    if (entry.error != 0 && entry.error != error) note_earlier(of_system(entry.error));
    entry.error = error;
    if (may_be_of_earlier(error) && ++entry.tries < kMostTries) return;
    if (io_.sender.simplify(error, joins_, queue())) {
        entry.error = 0;
        return;
    }
    PeerAccess::unmap(entry.to);
    note(of_system(error), entry.to, entry.size);
    queue().pop();
}

}  // namespace switchboard::detail
