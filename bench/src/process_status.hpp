// What Linux tells of one process (man 5 proc).
#pragma once

#include <sys/types.h>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace switchboard::bench {

// "NAME:   123 kB" of /proc/PID/status, in bytes. None where there is no such line.
std::optional<std::size_t> parse_status(std::string_view text, std::string_view name);
// The same of a process: VmRSS is what is resident, VmHWM the most that ever was. 0 when it is gone.
std::size_t status_bytes(pid_t pid, std::string_view name);
std::size_t count_descriptors(pid_t pid);  // 0 when it is gone

}  // namespace switchboard::bench
