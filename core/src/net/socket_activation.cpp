#include <switchboard/socket_activation.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <cstdlib>
#include <limits>
#include <optional>

#include "base/parse_number.hpp"

namespace switchboard {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr int kMostDescriptors =
    1'000'000;  // no process has more descriptors (man 2 getrlimit, fs.nr_open)

std::optional<std::string> variable(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

Result<int> parse_number(const char* name, const std::string& text, int most) {
    if (const auto number = detail::number<int>(text); number && *number <= most) return *number;
    return fail(errc::bad_option, std::string(name) + "=" + text + ": not a number from 0 to " +
                                      std::to_string(most));
}

Result<void> mark(const std::string& tried, int fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC) >= 0) return {};
    return fail_errno(tried + ": fd:" + std::to_string(fd));
}

std::vector<std::string> split_names(const std::string& text) {
    std::vector<std::string> names{""};
    for (const char c : text) {
        if (c == ':') {
            names.emplace_back();
        } else {
            names.back() += c;
        }
    }
    return names;
}

Result<void> name_all(std::vector<PassedSocket>& sockets) {
    const auto text = variable("LISTEN_FDNAMES");
    if (!text) return {};
    const auto names = split_names(*text);
    if (names.size() != sockets.size())
        return fail(errc::bad_option, "LISTEN_FDNAMES=" + *text + ": " +
                                          std::to_string(names.size()) + " names for " +
                                          std::to_string(sockets.size()) + " sockets");
    for (std::size_t i = 0; i < names.size(); ++i) sockets[i].name = names[i];
    return {};
}

}  // namespace

Result<std::vector<PassedSocket>> passed_sockets() {
    std::vector<PassedSocket> sockets;
    const auto pid = variable("LISTEN_PID"), count = variable("LISTEN_FDS");
    if (!pid || !count) return sockets;
    const auto whose = parse_number("LISTEN_PID", *pid, std::numeric_limits<int>::max());
    if (!whose) return tl::unexpected(whose.error());
    if (*whose != ::getpid()) return sockets;
    const auto number = parse_number("LISTEN_FDS", *count, kMostDescriptors);
    if (!number) return tl::unexpected(number.error());
    for (int fd = kFirst; fd < kFirst + *number; ++fd) {
        if (auto marked = mark("LISTEN_FDS=" + *count, fd); !marked)
            return tl::unexpected(marked.error());
        sockets.push_back({Endpoint::descriptor(fd), ""});
    }
    if (sockets.empty()) return sockets;
    if (auto named = name_all(sockets); !named) return tl::unexpected(named.error());
    return sockets;
}

}  // namespace switchboard
