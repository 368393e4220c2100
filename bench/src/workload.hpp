// What the connections of a load do with a server. A workload is one class and one line in the table.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <utility>
#include <vector>

#include "load_client.hpp"

namespace switchboard::bench {

// Sans-I/O; one thread. It outlives the clients that it makes.
class Workload {
public:
    Workload() = default;
    Workload(const Workload&) = delete;
    Workload& operator=(const Workload&) = delete;
    virtual ~Workload() = default;

    // The client of connection `number`, of `load`, whose connections are all of this workload.
    virtual std::unique_ptr<LoadClient> client(Load& load, std::size_t number) = 0;
    // Bytes that one request puts into the connection's queue, at most.
    virtual std::size_t request_size() const = 0;
    // Bytes that an exchange moves, there and back, over all its connections.
    virtual std::uint64_t exchange_size() const = 0;
};

struct WorkloadOptions {
    std::size_t size = 64;        // bytes of a request with all that belongs to it, or of a piece
    std::size_t reply = 64;       // bytes of a reply, where it is not the request's
    std::size_t connections = 1;  // that there will be
};

struct WorkloadKind {
    std::string_view name;
    std::string_view summary;   // one line for --list
    std::string_view protocol;  // of `switchboard serve`; "echo" is what peers serve too
    bool is_stream = false;     // no requests: there is no latency and no rate to ask for
    bool one_reactor = false;   // that protocol needs the driver reactor, and one of them
    // What a connection does between its exchanges, if it does not follow --depth.
    enum class Manner : unsigned char { asks, connects, idles } manner = Manner::asks;
    // errc::bad_option names what does not fit.
    Result<std::unique_ptr<Workload>> (*make)(const WorkloadOptions& options);
};

const std::vector<WorkloadKind>& workload_kinds();
const WorkloadKind* find_workload_kind(std::string_view name);  // null: there is none
std::string list_workloads();                                   // their names, for people

}  // namespace switchboard::bench
