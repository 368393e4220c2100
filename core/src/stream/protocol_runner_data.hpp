// ProtocolRunner::data() in steps that the reactor can inline, because its instructions are counted. Private
// to core and reactor.
#pragma once

#include <switchboard/driver/protocol_runner.hpp>

namespace switchboard::detail {

// Two comparisons detect the case that must be cheap: nothing was kept, held or ended before the callback,
// and the callback requested nothing. ProtocolRunner::running() stays false; the caller must know itself
// which callback runs.
struct ProtocolRunnerData {
    static bool plain(const ProtocolRunner& slot) noexcept {
        return slot.flags_ == ProtocolRunner::kOpen;
    }
    static std::size_t call(ProtocolRunner& slot, Connection& connection, MutableBytes in) {
        return slot.protocol_->on_data(connection, in);
    }
    // For all other cases: instead of call(), in its catch block, or after it.
    static void otherwise(ProtocolRunner& slot, Connection& connection, MutableBytes in) {
        slot.data_otherwise(connection, in);
    }
    static void caught(ProtocolRunner& slot, Connection& connection) noexcept {
        slot.caught(connection, "on_data");
    }
    static void rest(ProtocolRunner& slot, Connection& connection, MutableBytes in,
                     std::size_t used) {
        slot.data_used(connection, in, used);
    }
};

}  // namespace switchboard::detail
