// Sockets that were opened before this process began: socket activation.
#pragma once

#include <string>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard {

struct PassedSocket {
    // "fd:N", for listen(), Reactor::listen() or bind_datagram(), which take it over.
    Endpoint endpoint;
    // What the manager calls it (FileDescriptorName=, man 5 systemd.socket); or "".
    std::string name;
};

// Those that a service manager passed to this process, in its order: LISTEN_PID, LISTEN_FDS and
// LISTEN_FDNAMES as man 3 sd_listen_fds has them. None if the variables are not there, or are meant for
// another process, which did not take them out of the environment. Each becomes close-on-exec; the
// environment stays as it is. Nothing is asked of the sockets: that is for those who take them over.
//
// Errors name the variable and its value: errc::bad_option for what is no number, out of range, or a
// number of names that is not that of sockets; what fcntl(2) says of a descriptor that is not open.
// Reads the environment, which no other thread may change meanwhile (man 3 getenv).
Result<std::vector<PassedSocket>> passed_sockets();

}  // namespace switchboard
