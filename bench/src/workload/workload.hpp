// What the connections of a load do with a server. A workload is one class and one line in the table.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <utility>
#include <vector>

#include "load/client.hpp"
#include "workload/script.hpp"

namespace switchboard::bench {

// Sans-I/O; one thread. Outlives the clients that it makes.
class Workload {
public:
    Workload() = default;
    Workload(const Workload&) = delete;
    Workload& operator=(const Workload&) = delete;
    virtual ~Workload() = default;

    // Makes the client for connection `number` of `load`. All connections of a load have the same workload.
    virtual std::unique_ptr<LoadClient> client(Load& load, std::size_t number) = 0;
    // The most bytes that one request adds to the connection's queue.
    virtual std::size_t request_size() const = 0;
};

struct WorkloadOptions {
    std::size_t size = 64;        // bytes of a whole request, or of a piece
    std::size_t reply = 64;       // bytes of a reply, if it differs from the request's size
    std::size_t connections = 1;  // in the whole load
    std::shared_ptr<const Script> script = {};  // of the workload script
};

using MadeWorkload = Result<std::unique_ptr<Workload>>;

struct SizeRange {
    std::size_t least, most;
};

struct WorkloadKind {
    std::string_view name;
    std::string_view summary;   // one line for --list
    std::string_view protocol;  // of `switchboard serve`, and of the peers that are compared
    SizeRange sizes;            // that --size may have
    MadeWorkload (*construct)(const WorkloadOptions& options);
    // The way of a connection: it makes requests, --depth at a time; reconnects for each request; streams,
    // without requests and so without latency or rate; or does nothing.
    enum class Manner : unsigned char { asks, connects, streams, idles } manner = Manner::asks;

    // Whether its server is told the size of its page, as the option size.
    bool tells_size() const noexcept { return protocol == "hello"; }
    bool is_stream() const noexcept { return manner == Manner::streams; }
    // Its protocol requires the driver reactor with one reactor.
    bool needs_one_reactor() const noexcept { return protocol == "hub"; }
    // errc::bad_option names what does not fit.
    MadeWorkload make(const WorkloadOptions& options) const;
};

const std::vector<WorkloadKind>& workload_kinds();
const WorkloadKind* find_workload_kind(std::string_view name);  // null: no such workload
std::string list_workloads();                                   // their names, for people

}  // namespace switchboard::bench
