#include "programs.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "files.hpp"

namespace switchboard::bench {

std::string own_folder() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string own_command_line() {
    std::string text = read_text("/proc/self/cmdline");
    if (!text.empty()) text.pop_back();
    std::replace(text.begin(), text.end(), '\0', ' ');
    return text;
}

std::size_t descriptor_limit() {
    rlimit limit{};
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : 1024;
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

std::size_t most_connections() {
    constexpr std::size_t kOther = 64;
    const std::size_t all = descriptor_limit();
    return all - std::min(all, kOther);
}

int complain(const std::string& what) {
    std::fprintf(stderr, "switchboard-bench: %s\n", what.c_str());
    return 1;
}

}  // namespace switchboard::bench
