// Where connections of a reactor come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <switchboard/reactor.hpp>
#include <unordered_map>

#include "accept_control.hpp"
#include "made.hpp"

namespace switchboard::detail {

class Loop;

// What the connections of one listener or one connect have in common; lives until the last is gone.
struct Origin {
    Loop& loop;
    Limits limits;
    Site site;
    std::size_t connections = 0;
    bool released = false;  // its maker has let go
    bool goodbye = false;   // of those that a listener refused and still tells so
    std::list<Origin>::iterator self = {};
    std::unique_ptr<const ConnectOptions> connect = {};  // of a connect, with the endpoint's name
    std::string name = {};
    std::shared_ptr<AcceptControl> control = {};              // of those accepted
    std::unordered_map<std::uint32_t, AddressKey> keys = {};  // of these, those counted by address
};

}  // namespace switchboard::detail
