// Socket activation: sockets that a service manager opened before it started this process.
#pragma once

#include <string>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard {

struct PassedSocket {
    // "fd:N", for listen(), Reactor::listen() or bind_datagram(), which take ownership of N.
    Endpoint endpoint;
    // The manager's name for it (FileDescriptorName=, man 5 systemd.socket), or "".
    std::string name;
};

// Returns the sockets that a service manager passed to this process, in the manager's order. It reads the
// variables LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES (man 3 sd_listen_fds). The list is empty if LISTEN_PID
// or LISTEN_FDS is not set, or if LISTEN_PID names another process, which left the variables in the
// environment. Each descriptor is made close-on-exec. The environment is not changed. The sockets are not
// checked here, but by the functions that take ownership of them.
//
// Threading: no other thread may change the environment meanwhile (man 3 getenv). Errors: errc::bad_option
// if a value is not a number or is out of range, or if the number of names differs from the number of
// sockets; the error of fcntl(2) if a descriptor is not open. The message has the variable and its value.
[[nodiscard]] Result<std::vector<PassedSocket>> passed_sockets();

}  // namespace switchboard
