// What differs between systems about processes. Private to core.
#pragma once

namespace switchboard::platform {

// In a child: the system ends it when the thread that forked it is gone. Where there is no such
// call this does nothing, and the child ends with what it is doing.
void end_with_parent() noexcept;

}  // namespace switchboard::platform
