// How a socket that was accepted becomes a connection, or is told why not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <switchboard/reactor.hpp>
#include <switchboard/socket.hpp>

#include "accept_control.hpp"
#include "loop.hpp"

namespace switchboard::detail {

// What a listener has accepted and its AcceptControl found welcome: who it is, and what it counts as.
struct Arrival {
    Socket socket;
    SocketAddress peer;
    std::optional<AddressKey> key;
};

// Of one listener, on the reactor that serves what it accepts; those of a group share their control.
class Admission {
public:
    Admission(Loop& loop, Endpoint local, ProtocolFactory factory, const ListenOptions& options,
              std::shared_ptr<AcceptControl> control, const Site& made);
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;
    ~Admission();

    void forget_factory() noexcept { factory_ = nullptr; }  // not from within it
    AcceptControl& control() const noexcept { return *control_; }
    void admit(Arrival&& arrival);  // runs on_open
    // For one that was not welcome.
    void turn_away(Socket socket, const SocketAddress& peer, AcceptControl::Verdict why);

private:
    using Counter = std::uint64_t ReactorStats::*;
    void refuse(Socket socket, Counter cause, std::string_view why) noexcept;
    void say_goodbye(Socket& socket, const SocketAddress& peer);

    Loop& loop_;
    const Endpoint local_;
    ProtocolFactory factory_;
    const std::string goodbye_;
    std::shared_ptr<AcceptControl> control_;
    Origin& origin_;
    Origin& refused_;  // of those who are told goodbye
};

}  // namespace switchboard::detail
