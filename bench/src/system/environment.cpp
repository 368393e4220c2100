#include "system/environment.hpp"

#include <ares.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <uv.h>
#include <array>
#include <cstring>
#include <ctime>

#include "base/files.hpp"
#include "base/text.hpp"
#include "build_info.hpp"
#include "system/noise.hpp"

namespace switchboard::bench {
namespace {

// Returns the text between `label` and the end of its line; empty if the label is not found.
std::string line_behind(const char* label, const char* path) {
    const std::string text = read_text(path);
    const auto found = text.find(label);
    if (found == std::string::npos) return {};
    const auto begin = found + std::strlen(label);
    return text.substr(begin, text.find('\n', begin) - begin);
}

std::string kernel() {
    utsname name{};
    if (uname(&name) != 0) return {};
    return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

std::string utc_date() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string open_files() {
    rlimit limit{};
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? std::to_string(limit.rlim_cur) : "";
}

}  // namespace

Environment describe_environment() {
    Environment environment;
    const auto add = [&](const char* name, const std::string& value,
                         const char* without = "unknown") {
        environment.emplace_back(name, value.empty() ? without : value);
    };
    add("date", utc_date());
    add("cpu", line_behind("model name\t: ", "/proc/cpuinfo"));
    add("cpus", std::to_string(sysconf(_SC_NPROCESSORS_ONLN)));
    add("governor", line_behind("", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "none visible");
    add("kernel", kernel());
    add("open_files", open_files());
    add("somaxconn", line_behind("", "/proc/sys/net/core/somaxconn"));
    add("cpu_time_has_interrupts", clocks_count_interrupts() ? "yes" : "no");
    add("congestion_control", line_behind("", "/proc/sys/net/ipv4/tcp_congestion_control"));
    add("switchboard", build::kVersion);
    add("commit", build::kCommit);
    add("uncommitted_changes", build::kUncommitted);
    add("compiler", build::kCompiler);
    add("build_type", build::kBuildType);
    add("flags", build::kFlags);
    add("libuv", uv_version_string());
    add("c_ares", ares_version(nullptr));
    add("libevent", build::kLibevent, "not built");
    add("asio", build::kAsio, "not built");
    add("liburing", build::kLiburing, "not built");
    return environment;
}

std::string describe_build() {
    return joined(std::array{build::kVersion, build::kCommit, build::kCompiler, build::kFlags},
                  ", ");
}

}  // namespace switchboard::bench
