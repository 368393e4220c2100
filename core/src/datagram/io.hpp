// Sends and receives batches of datagrams by system calls. One object serves all sockets of a thread in turn.
#pragma once

#include <sys/uio.h>
#include <array>
#include <memory>
#include <switchboard/datagram.hpp>

#include "platform/platform.hpp"
#include "port.hpp"

namespace switchboard::detail {

constexpr unsigned kDatagramBatch = 64;

// The message headers of a batch, and space for the control bytes of each.
struct MessageBatch {
    std::array<platform::Message, kDatagramBatch> messages{};
    std::array<iovec, kDatagramBatch> pieces{};
    struct alignas(cmsghdr) Control {
        std::byte bytes[platform::kControlSize];
    };
    std::array<Control, kDatagramBatch> controls;

    MessageBatch() noexcept;
};

// Has a buffer of 64 KiB for each message, so that no datagram is cut and joined datagrams (GRO) fit. The
// system maps only the memory that is used.
class DatagramReceiver {
public:
    DatagramReceiver();
    platform::Moved receive(int fd) noexcept;  // overwrites the last batch
    // Passes the first `count` messages to the port: datagrams that are too large as errors, the others in
    // runs. Returns the number of bytes.
    std::size_t deliver(DatagramPort& port, std::size_t count);
    std::uint64_t received() const noexcept { return received_; }  // datagrams so far

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
    // Makes one system call for the front of the queue, which must not be empty, and pops the datagrams that
    // were sent. Returns the errno for the datagram that is now at the front, or 0. `joins` says whether
    // consecutive datagrams of one size may be sent as one message (GSO).
    int send(int fd, int family, bool joins, DatagramQueue& queue) noexcept;
    // Called after such an error. Returns whether the datagram at the front should be tried again in a
    // simpler form: not joined to others (this clears `joins`), or without a local address.
    bool simplify(int error, bool& joins, DatagramQueue& queue) const noexcept;
    std::uint64_t sent() const noexcept { return sent_; }  // datagrams so far

private:
    unsigned build(int family, bool joins, DatagramQueue& queue) noexcept;
    void build_one(unsigned index, DatagramQueue& queue, std::size_t first,
                   std::size_t run) noexcept;

    MessageBatch batch_;
    std::array<std::uint16_t, kDatagramBatch> runs_{};  // how many datagrams each message contains
    std::size_t front_ = 0;                             // the message that the last call stopped at
    std::uint64_t sent_ = 0;
};

struct DatagramIo {
    DatagramReceiver receiver;
    DatagramSender sender;
};

}  // namespace switchboard::detail
