// Socket activation: the environment variables that a service manager sets.
#include <fcntl.h>
#include <unistd.h>
#include <cstdlib>
#include <switchboard/socket_activation.hpp>

#include "child.hpp"
#include "loopback.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

// Sets LISTEN_PID and the other variables in a child, with `open` descriptors from 3 on, and returns the
// result. "self" is the id of the child. A variable with a null value is not set.
std::string answer(const char* pid, const char* count, const char* names, int open = 0) {
    return in_child([=]() -> std::string {
        for (const char* each : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(each);
        const std::string self = std::to_string(::getpid());
        if (pid) ::setenv("LISTEN_PID", std::string_view(pid) == "self" ? self.c_str() : pid, 1);
        if (count) ::setenv("LISTEN_FDS", count, 1);
        if (names) ::setenv("LISTEN_FDNAMES", names, 1);
        const int pipe = ::dup(STDERR_FILENO);  // any descriptor far from the passed ones will do
        for (int fd = 3; fd < 3 + open; ++fd)
            if (fd != pipe && ::fcntl(fd, F_GETFD) < 0) ::dup2(pipe, fd);
        const auto sockets = passed_sockets();
        if (!sockets) return sockets.error().message();
        std::string all;
        for (const PassedSocket& each : *sockets) {
            const bool kept = (::fcntl(each.endpoint.fd(), F_GETFD) & FD_CLOEXEC) == 0;
            all += each.endpoint.to_string() + "=" + each.name + (kept ? " stays open" : "") + ";";
        }
        return all;
    });
}

}  // namespace

TEST_CASE("passed sockets: sockets for this process, by number and name, close-on-exec") {
    CHECK(answer("self", "1", nullptr, 1) == "fd:3=;");
    CHECK(answer("self", "2", "web:", 2) == "fd:3=web;fd:4=;");
    CHECK(answer("self", "3", "web:web:admin", 3) == "fd:3=web;fd:4=web;fd:5=admin;");
}

TEST_CASE("passed sockets: none without the variables, or if they are for another process") {
    CHECK(answer(nullptr, nullptr, nullptr) == "");
    CHECK(answer("self", nullptr, nullptr) == "");
    CHECK(answer(nullptr, "1", nullptr, 1) == "");
    CHECK(answer("1", "1", "web", 1) == "");
    CHECK(answer("self", "0", nullptr) == "");
    CHECK(answer("self", "0", "") == "");
}

TEST_CASE("passed sockets: bad values are named") {
    CHECK(answer("init", "1", nullptr).starts_with("LISTEN_PID=init: not a number from 0 to "));
    for (const char* count : {"", "one", "-1", "1x", " 1", "99999999999", "2000000"}) {
        CAPTURE(count);
        CHECK(answer("self", count, nullptr) ==
              "LISTEN_FDS=" + std::string(count) + ": not a number from 0 to 1000000: bad option");
    }
    CHECK(answer("self", "1", "a:b", 1) == "LISTEN_FDNAMES=a:b: 2 names for 1 sockets: bad option");
    CHECK(answer("self", "900", nullptr, 3).find(": bad file descriptor") != std::string::npos);
}
