#include "cpu_quota.hpp"

#include <algorithm>
#include <sstream>

#include "files.hpp"

namespace switchboard::bench {
namespace {

// "cpu,cpuacct" names cpu.
bool names_cpu(const std::string& controllers) {
    std::istringstream list(controllers);
    for (std::string one; std::getline(list, one, ',');) {
        if (one == "cpu") return true;
    }
    return false;
}

void add_upwards(std::vector<std::string>& files, const std::string& mount, std::string path) {
    while (!path.empty() && path != "/") {
        files.push_back(mount + path + "/cpu.stat");
        path.resize(path.rfind('/'));
    }
    files.push_back(mount + "/cpu.stat");
}

}  // namespace

std::vector<std::string> quota_files(std::string_view proc_cgroup) {
    std::vector<std::string> files;
    std::istringstream lines{std::string(proc_cgroup)};
    for (std::string line; std::getline(lines, line);) {  // NUMBER:CONTROLLERS:/PATH
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string path = line.substr(second + 1);
        if (controllers.empty()) add_upwards(files, "/sys/fs/cgroup", path);
        if (names_cpu(controllers)) add_upwards(files, "/sys/fs/cgroup/cpu", path);
    }
    return files;
}

std::optional<double> parse_throttled(std::string_view cpu_stat) {
    std::istringstream lines{std::string(cpu_stat)};
    std::string name;
    for (double count = 0; lines >> name >> count;) {
        if (name == "throttled_usec") return count * 1e-6;  // version 2
        if (name == "throttled_time") return count * 1e-9;  // version 1
    }
    return std::nullopt;
}

CpuQuota::CpuQuota() {
    for (std::string& file : quota_files(read_text("/proc/self/cgroup"))) {
        if (parse_throttled(read_text(file))) files_.push_back(std::move(file));
    }
}

double CpuQuota::throttled() const {
    double most = 0;
    for (const std::string& file : files_)
        most = std::max(most, parse_throttled(read_text(file)).value_or(0));
    return most;
}

}  // namespace switchboard::bench
