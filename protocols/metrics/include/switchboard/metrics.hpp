// Metrics: the statistics of a reactor over HTTP, served by that reactor itself.
#pragma once

#include <functional>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/registry.hpp>
#include <vector>

namespace switchboard {

// Must call `answer` once, at once or later, with the statistics of each reactor, on the thread of the
// reactor that serves the metrics. If it drops `answer`, the client gets 500.
using AskStats = std::function<void(std::function<void(std::vector<ReactorStats>)> answer)>;

// GET /metrics returns the text format of Prometheus (version 0.0.4). GET /stats returns JSON:
// {"reactors":[...]} with the members of to_json(). HEAD works, too. Errors: those of http::Server
// (http.hpp), with 404 for other paths, 405 for other methods, and 431 for a head of more than 8 KiB.
// A connection serves one request, whose head must come within ten seconds, and is then closed. There is no
// authentication: do not expose it to the open Internet.
ProtocolFactory make_metrics(AskStats ask);
ProtocolFactory make_metrics(Reactor& reactor);  // the statistics of that reactor alone

}  // namespace switchboard
