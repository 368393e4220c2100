// Metrics: the statistics of a reactor over HTTP, served by that reactor itself.
#pragma once

#include <functional>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/registry.hpp>
#include <vector>

namespace switchboard {

// Must call `answer` once, at once or later, with the statistics of each reactor, on the thread of the
// reactor that serves the metrics.
using AskStats = std::function<void(std::function<void(std::vector<ReactorStats>)> answer)>;

// GET /metrics returns the text format of Prometheus (version 0.0.4). GET /stats returns JSON:
// {"reactors":[...]} with the members of to_json(). HEAD works, too. Errors: 404 for other paths; 405 for
// other methods; 400 for a request that is not strict HTTP/1 (RFC 9112; a bare LF does not end a line, and
// HTTP/1.1 requires one Host) or is longer than 8 KiB. A connection serves one request, within ten seconds,
// and is then closed. There is no authentication: do not expose it to the open Internet.
ProtocolFactory make_metrics(Reactor& reactor, AskStats ask);
ProtocolFactory make_metrics(Reactor& reactor);  // the statistics of that reactor alone

}  // namespace switchboard
