// The callbacks of the C interface for a DatagramProtocol.
#pragma once

#include <switchboard/plugin.h>

namespace switchboard::plugin {

// For a protocol whose service is a Use.
const sb_datagrams& made_datagrams() noexcept;

}  // namespace switchboard::plugin
