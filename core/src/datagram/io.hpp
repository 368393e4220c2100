// Datagrams through system calls, in batches. One of these serves all sockets of a thread in turn.
#pragma once

#include <sys/uio.h>
#include <array>
#include <memory>
#include <switchboard/datagram.hpp>

#include "platform/platform.hpp"
#include "port.hpp"

namespace switchboard::detail {

constexpr unsigned kDatagramBatch = 64;

// The headers of a batch, and room for the control bytes of each.
struct MessageBatch {
    std::array<platform::Message, kDatagramBatch> messages{};
    std::array<iovec, kDatagramBatch> pieces{};
    struct alignas(cmsghdr) Control {
        std::byte bytes[platform::kControlSize];
    };
    std::array<Control, kDatagramBatch> controls;

    MessageBatch() noexcept;
};

// Has a buffer of 64 KiB for each, of which the system maps what is used: no datagram is cut, and those
// that the system joined (GRO) fit.
class DatagramReceiver {
public:
    DatagramReceiver();
    platform::Moved receive(int fd) noexcept;  // the last batch is gone then
    // Hands `count` of them to the port: those too large as errors, and the others in runs. Answers
    // how many bytes there were.
    std::size_t deliver(DatagramPort& port, std::size_t count);
    std::uint64_t received() const noexcept { return received_; }  // ever

private:
    void prepare(std::size_t index) noexcept;
    std::size_t take(std::size_t index) noexcept;
    void deliver_run(DatagramPort& port, std::size_t begin, std::size_t end);
    void deliver_joined(DatagramPort& port, std::size_t index, std::size_t segment);

    static constexpr std::size_t kBuffer = 65'536;
    MessageBatch batch_;
    std::array<Datagram, kDatagramBatch> datagrams_, cut_;
    std::unique_ptr<std::byte[]> buffers_;
    std::uint64_t received_ = 0;
};

class DatagramSender {
public:
    DatagramSender() = default;
    // One call for what is in front of the queue, which is not empty; pops what was sent. The answer is
    // the errno that the one that is in front now met with, or 0. `joins` says whether equal ones in a
    // row may go as one message (GSO).
    int send(int fd, int family, bool joins, DatagramQueue& queue) noexcept;
    // After that error: whether the one in front is worth another try in a plainer form, without being
    // joined to others, for which `joins` is cleared, or without an address to send it from.
    bool simplify(int error, bool& joins, DatagramQueue& queue) const noexcept;
    std::uint64_t sent() const noexcept { return sent_; }  // ever

private:
    unsigned build(int family, bool joins, DatagramQueue& queue) noexcept;
    void build_one(unsigned index, DatagramQueue& queue, std::size_t first,
                   std::size_t run) noexcept;

    MessageBatch batch_;
    std::array<std::uint16_t, kDatagramBatch> runs_{};  // how many datagrams each message is
    std::size_t front_ = 0;                             // the message that the last call stopped at
    std::uint64_t sent_ = 0;
};

struct DatagramIo {
    DatagramReceiver receiver;
    DatagramSender sender;
};

}  // namespace switchboard::detail
