// The variables that a service manager sets: LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. Each is a line of the
// input. "self" in the first line means the id of this process.
#include <switchboard/socket_activation.hpp>

#include <unistd.h>

#include <array>

#include "fuzz.hpp"

extern char** environ;  // man 7 environ

using namespace switchboard;

namespace {

// Removes the next line and returns NAME=VALUE. A value ends at its first zero byte.
std::string take_variable(std::string_view& text, const std::string& name) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return name + "=" + (line == "self" ? std::to_string(::getpid()) : std::string(line));
}

void check(const std::vector<PassedSocket>& sockets) {
    for (std::size_t i = 0; i < sockets.size(); ++i)
        fuzz::require(sockets[i].endpoint.fd() == static_cast<int>(i) + 3,
                      "they begin at 3, in order");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto text = fuzz::as_text(data, size);
    std::string pid = take_variable(text, "LISTEN_PID");
    std::string count = take_variable(text, "LISTEN_FDS");
    std::string names = take_variable(text, "LISTEN_FDNAMES");
    std::array<char*, 4> variables = {pid.data(), count.data(), names.data(), nullptr};
    char** const before = environ;
    environ = variables.data();
    const auto sockets = passed_sockets();
    environ = before;
    if (sockets) {
        check(*sockets);
    } else {
        const bool known = sockets.error() == errc::bad_option ||
                           sockets.error() == std::errc::bad_file_descriptor;
        fuzz::require(known && !sockets.error().context().empty(), "what is wrong is named");
    }
    return 0;
}
