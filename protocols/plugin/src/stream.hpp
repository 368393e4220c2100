// The callbacks of the C interface for a Protocol.
#pragma once

#include <switchboard/plugin.h>

namespace switchboard::plugin {

// For a protocol whose service is a ProtocolFactory.
const sb_stream& made_stream() noexcept;
// For switch_to(): the service is the Protocol itself, and create() takes it over and does not fail.
const sb_stream& adopting_stream() noexcept;

}  // namespace switchboard::plugin
