// A DatagramPort on a socket, for the reactor and the blocking driver.
#pragma once

#include <switchboard/bind_datagram.hpp>

#include "io.hpp"
#include "port.hpp"

namespace switchboard::detail {

// Borrows the socket and the batches. Its calls never block. The derived class decides how to wait:
// send_queue() returns false if the socket takes no more for now.
class SocketPort : public DatagramPort {
public:
    SocketPort(const Socket& socket, Endpoint local, std::unique_ptr<DatagramProtocol> protocol,
               const DatagramLimits& limits, DatagramIo& io,
               std::pmr::memory_resource* memory = std::pmr::get_default_resource());

    Result<void> set(DatagramOption option, int value) override {
        return set_option(socket_, option, value);
    }
    Result<void> join(const DatagramAddress& group, const std::string& interface) override {
        return join_group(socket_, group, interface);
    }
    Result<void> leave(const DatagramAddress& group, const std::string& interface) override {
        return leave_group(socket_, group, interface);
    }
    const Endpoint& local() const override { return local_; }
    const Endpoint& peer() const override { return peer_; }

    // Receives the waiting datagrams of one turn: until a batch is not full, or until read_budget bytes or
    // eight batches were received. What the handler sends is sent after each batch; its other requests wait
    // for settle().
    void read();
    void take_error();  // for a socket that is not being read: notes its pending error

protected:
    ~SocketPort() = default;
    // Sends until the queue is empty or the socket is full. Returns false if it is full.
    bool send_queue();

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
