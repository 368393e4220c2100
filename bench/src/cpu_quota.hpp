// How long a quota kept this process from its CPUs, as of a container. Linux only (man 7 cgroups).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchboard::bench {

// The files that may tell, of the cgroup of whoever's /proc/PID/cgroup this is, and of all above it: a quota
// of theirs holds, too. Of version 2 under /sys/fs/cgroup, of version 1 under /sys/fs/cgroup/cpu.
std::vector<std::string> quota_files(std::string_view proc_cgroup);
// Seconds, summed over CPUs, of the text of a cpu.stat of either version; nullopt when it does not tell.
std::optional<double> parse_throttled(std::string_view cpu_stat);

// Of this process: what has been read once there is read again, some 20 microseconds a file.
class CpuQuota {
public:
    CpuQuota();
    // Seconds since the cgroups were made, of the level that was held back longest; 0 where nothing tells.
    // The cgroup may have others in it, on other CPUs.
    double throttled() const;

private:
    std::vector<std::string> files_;
};

}  // namespace switchboard::bench
