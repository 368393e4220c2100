#include <switchboard/http.hpp>
#include <switchboard/metrics.hpp>
#include <switchboard/reactor_stats.hpp>

#include <memory>
#include <utility>

namespace switchboard {
namespace {

std::string json_of(const std::vector<ReactorStats>& reactors) {
    std::string text = "{\"reactors\":[";
    for (const ReactorStats& stats : reactors) {
        if (text.back() != '[') text += ',';
        text += to_json(stats);
        text.pop_back();  // the line end
    }
    return text + "]}\n";
}

std::string text_of(const std::vector<ReactorStats>& reactors) {
    return to_prometheus(reactors);
}

http::ServerOptions server_options() {
    http::ServerOptions options;
    options.limits.max_line = options.limits.max_head = 8 * 1024;
    options.limits.max_requests = 1;
    options.clock = nullptr;  // a scraper has a clock of its own
    return options;
}

// Answers with what `format` makes of the statistics, once they are known.
http::Handler page(AskStats ask, std::string_view type,
                   std::string (*format)(const std::vector<ReactorStats>&)) {
    return [ask = std::move(ask), type = std::string(type), format](const http::Request&,
                                                                    http::Response& response) {
        const auto later = std::make_shared<http::Later>(response.type(type).later());
        ask([later, format](const std::vector<ReactorStats>& reactors) {
            later->send(format(reactors));
        });
    };
}

}  // namespace

ProtocolFactory make_metrics(AskStats ask) {
    constexpr http::RouteOptions no_body{.body = http::Body::none};
    http::Server server(server_options());
    server.route("GET", "/metrics", page(ask, "text/plain; version=0.0.4; charset=utf-8", text_of),
                 no_body);
    server.route("GET", "/stats", page(std::move(ask), "application/json", json_of), no_body);
    server.otherwise([](const http::Request&, http::Response& response) {
        response.status(404).type("text/plain; charset=utf-8");
        response.send("not found; available: /metrics and /stats\n");
    });
    return server.factory();
}

ProtocolFactory make_metrics(Reactor& reactor) {
    return make_metrics([&reactor](const auto& answer) { answer({collect_stats(reactor)}); });
}

}  // namespace switchboard
