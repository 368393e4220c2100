#include "workload.hpp"

#include <algorithm>

#include "message_workload.hpp"

namespace switchboard::bench {

const std::vector<WorkloadKind>& workload_kinds() {
    using Manner = WorkloadKind::Manner;
    static const std::vector<WorkloadKind> kinds{
        {"echo", "what is sent comes back", "echo", false, false, Manner::asks, make_echo},
        {"line", "lines of text come back, each whole", "lines", false, false, Manner::asks,
         make_lines},
        {"frame", "messages behind their length come back", "frames", false, false, Manner::asks,
         make_frames},
        {"reply", "requests of --size bytes, replies of --reply bytes", "reply", false, false,
         Manner::asks, make_replies},
        {"connect", "connect, one echo, close, and again", "echo", false, false, Manner::connects,
         make_echo},
        {"upload", "a stream to a server that throws it away", "discard", true, false, Manner::asks,
         make_upload},
        {"download", "a stream from a server that sends without end", "chargen", true, false,
         Manner::asks, make_download},
        {"fan-out", "what one says all others hear", "hub", false, true, Manner::asks,
         make_fan_out},
        {"idle", "connects, and says nothing", "echo", false, false, Manner::idles, make_idle},
        {"slow-reader", "asks for much, and reads 64 KiB in 50 ms at most", "echo", false, false,
         Manner::asks, make_slow_reader},
        {"stalled", "sends half of a message, then nothing", "echo", false, false, Manner::idles,
         make_stalled},
    };
    return kinds;
}

const WorkloadKind* find_workload_kind(std::string_view name) {
    const auto& kinds = workload_kinds();
    const auto found = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const WorkloadKind& kind) { return kind.name == name; });
    return found == kinds.end() ? nullptr : &*found;
}

std::string list_workloads() {
    std::string names;
    for (const WorkloadKind& kind : workload_kinds())
        names += (names.empty() ? "" : " ") + std::string(kind.name);
    return names;
}

}  // namespace switchboard::bench
