// Turns an accepted socket into a connection, or rejects it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <switchboard/reactor.hpp>
#include <switchboard/socket.hpp>

#include "connection/accept_limits.hpp"
#include "loop/loop.hpp"

namespace switchboard::detail {

// A socket that was accepted and that AcceptLimits allows, with its peer and the key it is counted by.
struct AcceptedSocket {
    Socket socket;
    SocketAddress peer;
    std::optional<AddressKey> key;
};

// Belongs to one listener and to the reactor that serves its connections. The acceptors of a group share one
// AcceptLimits.
class ConnectionAcceptor {
public:
    ConnectionAcceptor(Loop& loop, Endpoint local, ProtocolFactory factory,
                       const ListenOptions& options, std::shared_ptr<AcceptLimits> control,
                       const SourceLocation& location);
    ConnectionAcceptor(const ConnectionAcceptor&) = delete;
    ConnectionAcceptor& operator=(const ConnectionAcceptor&) = delete;
    ~ConnectionAcceptor();

    void forget_factory() noexcept { factory_ = nullptr; }  // not from within the factory
    AcceptLimits& control() const noexcept { return *control_; }
    void admit(AcceptedSocket&& accepted);  // runs on_open
    // For a socket that AcceptLimits does not allow.
    void reject(Socket socket, const SocketAddress& peer, AcceptLimits::Verdict why);

private:
    using Counter = std::uint64_t ReactorStats::*;
    void refuse(Socket socket, Counter cause, std::string_view why) noexcept;
    void send_reject_message(Socket& socket, const SocketAddress& peer);

    Loop& loop_;
    const Endpoint local_;
    ProtocolFactory factory_;
    const std::string reject_message_;
    std::shared_ptr<AcceptLimits> control_;
    ConnectionGroup& group_;
    ConnectionGroup& refused_;  // connections that are sent the reject message
};

}  // namespace switchboard::detail
