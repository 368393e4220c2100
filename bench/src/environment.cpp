#include "environment.hpp"

#include <ares.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <uv.h>
#include <ctime>
#include <fstream>
#include <optional>

#include "build_info.hpp"
#include "cpu_noise.hpp"

namespace switchboard::bench {
namespace {

std::optional<std::string> first_line(const char* path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    return line;
}

std::optional<std::string> cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const auto colon = line.find(": ");
        if (line.starts_with("model name") && colon != line.npos) return line.substr(colon + 2);
    }
    return std::nullopt;
}

std::optional<std::string> kernel() {
    utsname name{};
    if (uname(&name) != 0) return std::nullopt;
    return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

std::string utc_date() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::optional<std::string> descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
    return std::to_string(limit.rlim_cur);
}

}  // namespace

Environment describe_environment() {
    Environment environment;
    const auto add = [&](const char* name, const std::optional<std::string>& value,
                         const char* without = "unknown") {
        environment.emplace_back(name, value && !value->empty() ? *value : without);
    };
    add("date", utc_date());
    add("cpu", cpu_model());
    add("cpus", std::to_string(sysconf(_SC_NPROCESSORS_ONLN)));
    add("governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "none visible");
    add("kernel", kernel());
    add("open_files", descriptor_limit());
    add("somaxconn", first_line("/proc/sys/net/core/somaxconn"));
    add("cpu_time_has_interrupts", clocks_count_interrupts() ? "yes" : "no");
    add("congestion_control", first_line("/proc/sys/net/ipv4/tcp_congestion_control"));
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
    std::string text = build::kVersion;
    for (const std::string part : {build::kCommit, build::kCompiler, build::kFlags}) {
        if (!part.empty()) text += ", " + part;
    }
    return text;
}

}  // namespace switchboard::bench
