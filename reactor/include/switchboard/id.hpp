// Id: identifies a listener, timer, offload, look-up or datagram socket of a reactor.
#pragma once

#include <cstdint>

namespace switchboard {

// Identifies one object of one reactor. Ids are never reused, and a default id identifies no object.
template <class Tag>
struct Id {
    std::uint64_t value = 0;
    friend bool operator==(const Id&, const Id&) = default;
};

}  // namespace switchboard
