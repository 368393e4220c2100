// A datagram port on a socket: what the reactor and the blocking driver share.
#pragma once

#include <switchboard/datagram_socket.hpp>

#include "io.hpp"
#include "port.hpp"

namespace switchboard::detail {

// Borrows the socket, which never blocks in its calls, and the batches. What it leaves open is how to
// wait: blocked() tells that the socket takes no more for now.
class SocketPort : public DatagramPort {
public:
    SocketPort(const Socket& socket, Endpoint local, std::unique_ptr<DatagramProtocol> protocol,
               const Limits& limits, DatagramIo& io,
               std::pmr::memory_resource* memory = std::pmr::get_default_resource());

    Result<void> set(DatagramOption option, int value) override {
        return set_option(socket_, option, value);
    }
    Result<void> join(const DatagramPeer& group, const std::string& interface) override {
        return join_group(socket_, group, interface);
    }
    Result<void> leave(const DatagramPeer& group, const std::string& interface) override {
        return leave_group(socket_, group, interface);
    }
    const Endpoint& local() const override { return local_; }
    const Endpoint& peer() const override { return peer_; }

    // Receives what is there, for one turn: until it is less than a batch, read_budget bytes or eight
    // batches. What the handler sends is sent after each batch, what else it asked for in settle().
    void read();
    void take_error();  // notes what a socket that is not read complains of

protected:
    ~SocketPort() = default;
    // Sends until the queue is empty or the socket is full.
    bool send_queue();  // false: full

private:
    bool goes_on_after(int error);
    void send_failed(int error);

    static constexpr unsigned kBatchesPerTurn = 8;
    static constexpr unsigned kMostTries = 3;

    const Socket& socket_;
    DatagramIo& io_;
    Endpoint local_, peer_;
    int family_;
    bool joins_;
};

}  // namespace switchboard::detail
