#include "workload/workload.hpp"

#include "base/find.hpp"
#include "base/parse.hpp"
#include "base/text.hpp"
#include "workload/message_workload.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kMostMessage = 64 * 1024 * 1024;
constexpr std::size_t kMostLine = 8 * 1024;     // the limit of the line servers and the hub
constexpr std::size_t kMostFrame = 512 * 1024;  // the limit of the frame servers
constexpr std::size_t kMostPage = 1024 * 1024;  // the limit of `hello` and of the WebSocket server
constexpr std::size_t kMostPiece = 16 * 1024 * 1024;
constexpr SizeRange kAnySize{0, std::numeric_limits<std::size_t>::max()};

}  // namespace

const std::vector<WorkloadKind>& workload_kinds() {
    using Manner = WorkloadKind::Manner;
    static const std::vector<WorkloadKind> kinds{
        {"echo", "bytes, echoed", "echo", {1, kMostMessage}, make_echo},
        {"line", "lines of text, echoed", "lines", {1, kMostLine}, make_lines},
        {"frame", "messages with a length prefix, echoed", "frames", {4, kMostFrame}, make_frames},
        {"reply",
         "requests of --size bytes, replies of --reply bytes",
         "reply",
         {9, kMostFrame},
         make_replies},
        {"http",
         "requests for a page of --size bytes over HTTP/1.1",
         "hello",
         {1, kMostPage},
         make_http},
        {"websocket",
         "messages over WebSocket, echoed",
         "websocket",
         {1, kMostPage},
         make_websocket},
        {"connect",
         "connect, one echo, close; repeated",
         "echo",
         {1, kMostMessage},
         make_echo,
         Manner::connects},
        {"script", "requests of your own: --request and --expect, or --script", "echo", kAnySize,
         make_script_workload},
        {"upload",
         "a stream to the server, which discards it",
         "discard",
         {1, kMostPiece},
         make_upload,
         Manner::streams},
        {"download",
         "an endless stream from the server",
         "chargen",
         {1, kMostPiece},
         make_download,
         Manner::streams},
        {"fan-out",
         "lines of one connection, received by all others",
         "hub",
         {1, kMostLine},
         make_fan_out},
        {"idle", "connects and sends nothing", "echo", kAnySize, make_idle, Manner::idles},
        {"slow-reader",
         "requests much and reads at most 64 KiB in 50 ms",
         "echo",
         {1, kMostMessage},
         make_slow_reader},
        {"stalled",
         "sends half a message and stops",
         "echo",
         {2, kMostMessage},
         make_stalled,
         Manner::idles},
    };
    return kinds;
}

MadeWorkload WorkloadKind::make(const WorkloadOptions& options) const {
    return check_range("--size", options.size, sizes.least, sizes.most).and_then([&] {
        return construct(options);
    });
}

const WorkloadKind* find_workload_kind(std::string_view name) {
    return find_by(workload_kinds(), name, &WorkloadKind::name);
}

std::string list_workloads() {
    return joined(workload_kinds(), ", ", &WorkloadKind::name);
}

}  // namespace switchboard::bench
