// check_sockets(): plays transcripts over real sockets, with a protocol under drivers of your choice.
#pragma once

#include <functional>
#include <string>
#include <switchboard/socket.hpp>
#include <switchboard/stop.hpp>
#include <switchboard/testing/check.hpp>
#include <vector>

namespace switchboard::testing {

// A driver. `serve` serves the listener until `stop` drains and no connection is left, as serve_threads() and
// the others of blocking.hpp do. It is called in a process of its own.
struct SocketServer {
    std::string name;  // "threads"; the begin of the name of the delivery
    std::function<Result<void>(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                               const ConnectionLimits& limits)>
        serve;
};

// The drivers of blocking.hpp: iterative, threads, thread pool, processes, process pool. A reactor is added
// by the test, because core does not know it.
std::vector<SocketServer> blocking_servers();

// Plays each transcript under each server, in two deliveries: as it is written ("threads") and byte by byte
// ("threads, byte by byte"). Each has a new server, in a child process, on a port of the loopback address.
// Transcripts with wait are left out, because their time would be real. closes with an error also accepts a
// reset, since a peer cannot see more. Of the options, only, seed (which is printed) and limits are used. A
// step takes at most ten seconds. Errors: a finding names the server that does not start, crashes, or does
// not end when it drains. Threading: the calling process must have no other threads (man 2 fork).
Report check_sockets(const ProtocolFactory& factory, const std::vector<Transcript>& transcripts,
                     const std::vector<SocketServer>& servers, const CheckOptions& options = {});

}  // namespace switchboard::testing
