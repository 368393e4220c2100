// Named loads that show the strengths and weaknesses of each kind of server.
#include <fmt/format.h>
#include <sstream>

#include "cli/compare_options.hpp"

namespace switchboard::bench {
namespace {

constexpr Scenario kScenarios[] = {
    {"slow-client",
     "100 fast clients and a slow reader: a server that serves one client at a time serves "
     "nobody else",
     "--connections 100 --size 64 --background slow-reader:1"},
    {"stalled-clients",
     "10 clients and 20 that stop in the middle of a message: these fill the pools",
     "--connections 10 --size 64 --background stalled:20"},
    {"many-idle", "10 busy connections among 10,000 idle ones: what an idle connection costs",
     "--connections 10 --size 64 --background idle:10000"},
    {"large-messages", "16 KiB messages: copying and the network matter more, waking up less",
     "--connections 1,100 --size 16k"},
    {"pipelining",
     "16 requests in flight per connection: answering all of one read at once is faster",
     "--connections 1,100 --size 64 --depth 16"},
    {"short-connections", "connect, one echo, close: what a thread or a process for each costs",
     "--workload connect --connections 64 --size 64 --same-core"},
    {"stream", "1 GiB there and back over one connection",
     "--connections 1 --size 64k --depth 16 --exchanges 16384 --duration 60s --same-core"},
    {"upload", "one-way streams to the server",
     "--workload upload --connections 1,10 --size 64k --same-core"},
    {"download", "one-way streams from the server",
     "--workload download --connections 1,10 --size 64k --same-core"},
    {"http", "a page of 64 B over HTTP/1.1, kept-alive: parsing and answering",
     "--workload http --connections 1,100 --size 64 --same-core"},
    {"https", "the same over TLS: what encryption costs",
     "--workload http --over tls --connections 1,100 --size 64 --same-core"},
    {"https-download", "pages of 1 MiB over TLS: what encryption costs a byte",
     "--workload http --over tls --connections 1,10 --size 1M --same-core"},
    {"websocket", "messages over WebSocket, echoed",
     "--workload websocket --connections 1,100 --size 64 --same-core"},
    {"cpu-work",
     "1 ms of CPU per request and all CPUs for the server: threads and processes win over "
     "one reactor",
     "--workload reply --connections 8 --size 64 --work 1ms --workers 8 --spread"},
    {"fan-out", "one connection sends, 100 others receive it",
     "--workload fan-out --connections 101 --size 64"},
    {"open-loop",
     "10,000 requests a second at random times, whether or not earlier ones were answered",
     "--connections 100 --size 64 --rate 10k --arrivals poisson"},
};

}  // namespace

std::vector<std::pair<std::string, std::string>> Scenario::options() const {
    std::vector<std::pair<std::string, std::string>> all;
    std::istringstream stream(words);
    for (std::string word; stream >> word;) {
        if (word.starts_with("--")) {
            all.emplace_back(word, "");
        } else {
            all.back().second = word;
        }
    }
    return all;
}

std::span<const Scenario> scenarios() {
    return kScenarios;
}

std::string list_scenarios() {
    std::string text;
    for (const Scenario& each : kScenarios)
        text += fmt::format("{:<18}{}\n{:18}{}\n", each.name, each.summary, "", each.words);
    return text;
}

}  // namespace switchboard::bench
