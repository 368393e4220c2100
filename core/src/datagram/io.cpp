#include "io.hpp"

#include <algorithm>
#include <cerrno>

#include "peer_access.hpp"

namespace switchboard::detail {
namespace {

// The network device cuts a joined message, so its parts must fit the smallest common link: 1,500 bytes
// minus the IPv6 and UDP headers. Larger datagrams are sent one by one and may be fragmented.
constexpr std::size_t kLargestJoined = 1452;
constexpr std::size_t kLargestMessage = 65'507;

// Returns how many datagrams from `first` on can be sent as one message: all to one peer and of one size,
// except that the last may be shorter.
std::size_t run_from(DatagramQueue& queue, std::size_t first, int family) {
    const DatagramQueue::Entry& head = queue.at(first);
    if (head.size == 0 || head.size > kLargestJoined) return 1;
    const std::size_t most =
        std::min({queue.count() - first, platform::kMaxSegments, kLargestMessage / head.size});
    std::size_t run = 1;
    for (; run < most; ++run) {
        DatagramQueue::Entry& next = queue.at(first + run);
        if (family == AF_INET6) PeerAccess::map(next.to);  // like the head, to compare equal
        if (next.size == 0 || next.size > head.size || !(next.to == head.to)) break;
        if (!PeerAccess::same_local(next.to, head.to)) break;
        if (next.size < head.size) return run + 1;
    }
    return run;
}

// The errors of man 7 udp, and of drivers that cannot compute the checksums of the parts.
bool may_be_joining(int error) {
    return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP;
}

}  // namespace

MessageBatch::MessageBatch() noexcept {
    for (std::size_t i = 0; i < messages.size(); ++i) {
        messages[i].header.msg_iov = &pieces[i];
        messages[i].header.msg_iovlen = 1;
    }
}

DatagramReceiver::DatagramReceiver()
    : buffers_(std::make_unique_for_overwrite<std::byte[]>(kBuffer * kDatagramBatch)) {
    for (std::size_t i = 0; i < kDatagramBatch; ++i) {
        batch_.pieces[i] = {buffers_.get() + i * kBuffer, kBuffer};
        batch_.messages[i].header.msg_name = PeerAccess::name(datagrams_[i].from);
        batch_.messages[i].header.msg_control = batch_.controls[i].bytes;
        prepare(i);
    }
}

void DatagramReceiver::prepare(std::size_t index) noexcept {
    msghdr& header = batch_.messages[index].header;
    header.msg_namelen = PeerAccess::kNameSize;
    header.msg_controllen = platform::kControlSize;
}

platform::Moved DatagramReceiver::receive(int fd) noexcept {
    return platform::receive_messages(fd, batch_.messages.data(), kDatagramBatch);
}

// Makes a datagram of the message. Returns the size of the parts if the message was joined, or 0.
std::size_t DatagramReceiver::take(std::size_t index) noexcept {
    const platform::Message& message = batch_.messages[index];
    Datagram& datagram = datagrams_[index];
    PeerAccess::set_size(datagram.from, message.header.msg_namelen);
    PeerAccess::unmap(datagram.from);
    std::size_t segment = 0;
    if (message.header.msg_controllen > 0) {
        PeerAccess::set_local_size(
            datagram.from,
            platform::read_local_address(message.header, PeerAccess::local(datagram.from)));
        segment = platform::read_segment_size(message.header);
    }
    datagram.data = {buffers_.get() + index * kBuffer,
                     std::min<std::size_t>(message.size, kBuffer)};
    return segment < message.size ? segment : 0;
}

std::size_t DatagramReceiver::deliver(DatagramPort& port, std::size_t count) {
    const std::size_t most = port.limits().max_datagram;
    std::size_t bytes = 0, begin = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t segment = take(i);
        const bool cut = (batch_.messages[i].header.msg_flags & MSG_TRUNC) != 0;
        const std::size_t size = batch_.messages[i].size;
        prepare(i);
        bytes += datagrams_[i].data.size();
        if (segment == 0 && size <= most && !cut) continue;
        deliver_run(port, begin, i);
        if (segment == 0)
            port.note(errc::datagram_truncated, datagrams_[i].from, size);
        else
            deliver_joined(port, i, segment);
        begin = i + 1;
    }
    deliver_run(port, begin, count);
    return bytes;
}

void DatagramReceiver::deliver_run(DatagramPort& port, std::size_t begin, std::size_t end) {
    if (begin == end) return;
    received_ += end - begin;
    port.receive(std::span(datagrams_).subspan(begin, end - begin));
}

void DatagramReceiver::deliver_joined(DatagramPort& port, std::size_t index, std::size_t segment) {
    MutableBytes rest = datagrams_[index].data;
    const DatagramAddress& from = datagrams_[index].from;
    if (segment > port.limits().max_datagram) {  // only the last part may be small enough
        for (; rest.size() >= segment; rest = rest.subspan(segment))
            port.note(errc::datagram_truncated, from, segment);
        if (rest.size() > port.limits().max_datagram)
            return port.note(errc::datagram_truncated, from, rest.size());
    }
    while (!rest.empty()) {
        std::size_t count = 0;
        for (; count < cut_.size() && !rest.empty(); ++count) {
            cut_[count] = {rest.first(std::min(segment, rest.size())), from};
            rest = rest.subspan(cut_[count].data.size());
        }
        received_ += count;
        port.receive(std::span(cut_).first(count));
    }
}

unsigned DatagramSender::build(int family, bool joins, DatagramQueue& queue) noexcept {
    unsigned built = 0;
    for (std::size_t next = 0; built < kDatagramBatch && next < queue.count(); ++built) {
        if (family == AF_INET6) PeerAccess::map(queue.at(next).to);
        const std::size_t run = joins ? run_from(queue, next, family) : 1;
        build_one(built, queue, next, run);
        next += run;
    }
    return built;
}

void DatagramSender::build_one(unsigned index, DatagramQueue& queue, std::size_t first,
                               std::size_t run) noexcept {
    const DatagramQueue::Entry& entry = queue.at(first);
    const DatagramQueue::Entry& last = queue.at(first + run - 1);
    msghdr& header = batch_.messages[index].header;
    runs_[index] = static_cast<std::uint16_t>(run);
    // sendmsg(2) does not write to the bytes or the name.
    batch_.pieces[index] = {const_cast<std::byte*>(queue.bytes(entry).data()),
                            last.offset + last.size - entry.offset};
    header.msg_name = entry.to ? const_cast<void*>(PeerAccess::name(entry.to)) : nullptr;
    header.msg_namelen = PeerAccess::size(entry.to);
    header.msg_control = batch_.controls[index].bytes;
    header.msg_controllen = 0;
    const std::size_t local = PeerAccess::local_size(entry.to);
    if (local > 0) platform::write_local_address(header, PeerAccess::local(entry.to), local);
    if (run > 1) platform::write_segment_size(header, entry.size);
    if (header.msg_controllen == 0) header.msg_control = nullptr;
}

int DatagramSender::send(int fd, int family, bool joins, DatagramQueue& queue) noexcept {
    const unsigned built = build(family, joins, queue);
    const platform::Moved done = platform::send_messages(fd, batch_.messages.data(), built);
    std::size_t datagrams = 0;
    for (unsigned i = 0; i < done.count; ++i) datagrams += runs_[i];
    sent_ += datagrams;
    queue.pop(datagrams);
    front_ = done.count;
    return done.error;
}

bool DatagramSender::simplify(int error, bool& joins, DatagramQueue& queue) const noexcept {
    if (runs_[front_] > 1 && may_be_joining(error)) {
        joins = false;
        return true;
    }
    DatagramAddress& to = queue.at(0).to;
    if (error != EINVAL || PeerAccess::local_size(to) == 0) return false;
    PeerAccess::set_local_size(to, 0);  // a broadcast address is not a valid source
    return true;
}

}  // namespace switchboard::detail
