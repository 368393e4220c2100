// A server looked at from outside: its statistics over HTTP, served by the very reactor they are of.
#pragma once

#include <functional>
#include <switchboard/reactor.hpp>
#include <switchboard/registry.hpp>
#include <vector>

namespace switchboard {

// Calls `answer` once, with the statistics of each reactor, on the thread of the one that serves the
// metrics; later, or at once.
using AskStats = std::function<void(std::function<void(std::vector<ReactorStats>)> answer)>;

// GET /metrics answers Prometheus' text format (version 0.0.4), GET /stats JSON: {"reactors":[...]} with
// the members of to_json(). HEAD as well. Other paths: 404; other methods: 405; what is no HTTP/1 request
// to the letter (RFC 9112; a bare LF ends no line, and HTTP/1.1 has one Host) or longer than 8 KiB: 400.
// One request a connection, which is then closed, and ten seconds for it. Not for the open Internet: there
// is no authentication.
ProtocolFactory make_metrics(Reactor& reactor, AskStats ask);
ProtocolFactory make_metrics(Reactor& reactor);  // of that reactor

}  // namespace switchboard
