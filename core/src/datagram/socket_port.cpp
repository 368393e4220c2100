#include "socket_port.hpp"

#include <cerrno>

#include "peer_access.hpp"

namespace switchboard::detail {
namespace {

// The socket itself is unfit: nothing will ever come.
bool is_fatal(int error) {
    return error == EBADF || error == ENOTSOCK || error == EFAULT || error == ENOTCONN;
}

int family_of(const Socket& socket) {
    SocketAddress name;
    return ::getsockname(socket.fd(), name.data(), name.capacity()) == 0 ? name.family() : AF_INET;
}

DatagramPeer peer_of(const Socket& socket) {
    SocketAddress name;
    const bool connected = ::getpeername(socket.fd(), name.data(), name.capacity()) == 0;
    return connected ? DatagramPeer(name) : DatagramPeer();
}

}  // namespace

SocketPort::SocketPort(const Socket& socket, Endpoint local,
                       std::unique_ptr<DatagramProtocol> protocol, const Limits& limits,
                       DatagramIo& io, std::pmr::memory_resource* memory)
    : DatagramPort(std::move(protocol), limits, memory),
      socket_(socket),
      io_(io),
      local_(std::move(local)),
      connected_(peer_of(socket)),
      family_(family_of(socket)),
      joins_(platform::want_coalesced(socket.fd())) {
    peer_ = connected_.endpoint();
}

void SocketPort::read() {
    std::size_t budget = limits().read_budget;
    for (unsigned i = 0; i < kBatchesPerTurn && reads(); ++i) {
        const int count = io_.receiver.receive(socket_.fd());
        if (count < 0) {
            if (!read_failed(errno)) return;
            continue;
        }
        const std::size_t bytes = io_.receiver.deliver(*this, count);
        flush();
        if (count < static_cast<int>(kDatagramBatch) || bytes >= budget) return;
        budget -= bytes;
    }
}

void SocketPort::take_error() {
    if (const auto error = socket_.take_error()) note(error, connected_, 0);
}

// Whether to go on: what ICMP said of what was sent is no error of what may have come since.
bool SocketPort::read_failed(int error) {
    if (error == EAGAIN || error == EWOULDBLOCK) return false;
    if (error == EINTR) return true;
    const std::error_code code(error, std::system_category());
    if (is_fatal(error)) {
        abort(code);
        return false;
    }
    note(code, connected_, 0);
    return true;
}

bool SocketPort::send_queue() {
    while (!queue().empty()) {
        switch (io_.sender.send(socket_.fd(), family_, joins_, queue())) {
            case DatagramSender::Step::progress: break;
            case DatagramSender::Step::blocked: return false;
            case DatagramSender::Step::failed: send_failed(errno); break;
        }
    }
    return true;
}

// A connected socket tells with the next call that an earlier datagram was refused (man 7 udp); the one
// that was to be sent is not to blame and goes out all the same.
void SocketPort::send_failed(int error) {
    DatagramQueue::Entry& entry = queue().at(0);
    const std::error_code code(error, std::system_category());
    if (error == ECONNREFUSED && !entry.tried) {
        entry.tried = true;
        return note(code, connected_, 0);
    }
    PeerAccess::unmap(entry.to);
    note(code, entry.to ? entry.to : connected_, entry.size);
    queue().pop();
}

}  // namespace switchboard::detail
