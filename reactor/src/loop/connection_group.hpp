// ConnectionGroup: the connections of one listener or one connect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <switchboard/reactor.hpp>
#include <unordered_map>

#include "connection/accept_limits.hpp"
#include "loop/creation.hpp"

namespace switchboard::detail {

class Loop;

// What these connections have in common. It lives until the last of them is gone.
struct ConnectionGroup {
    Loop& loop;
    ConnectionLimits limits;
    SourceLocation location;
    std::size_t connections = 0;
    bool released = false;  // the listener or connect no longer uses it
    bool rejecting =
        false;  // connections that a listener refused and that are sent its reject message
    std::list<ConnectionGroup>::iterator self = {};
    std::unique_ptr<const ConnectOptions> connect = {};  // for a connect, with the endpoint's name
    std::string name = {};
    std::shared_ptr<AcceptLimits> control = {};               // for accepted connections
    std::unordered_map<std::uint32_t, AddressKey> keys = {};  // by slot, if counted by address
};

}  // namespace switchboard::detail
