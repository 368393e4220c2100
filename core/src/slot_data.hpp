// Slot::data in steps, to be inlined by the driver whose instructions are counted. Private to core
// and reactor.
#pragma once

#include <switchboard/slot.hpp>

namespace switchboard::detail {

// Two comparisons tell the case that must be cheap: nothing kept, held or ended before the callback,
// and nothing asked for in it. Slot::running() stays false: whoever uses this knows who is running.
struct SlotData {
    static bool plain(const Slot& slot) noexcept { return slot.flags_ == Slot::kOpen; }
    static std::size_t call(Slot& slot, Connection& connection, MutableBytes in) {
        return slot.protocol_->on_data(connection, in);
    }
    // What goes on otherwise: instead of call(), inside its catch, or after it.
    static void otherwise(Slot& slot, Connection& connection, MutableBytes in) {
        slot.data_otherwise(connection, in);
    }
    static void caught(Slot& slot, Connection& connection) noexcept {
        slot.caught(connection, "on_data");
    }
    static void rest(Slot& slot, Connection& connection, MutableBytes in, std::size_t used) {
        slot.data_used(connection, in, used);
    }
};

}  // namespace switchboard::detail
