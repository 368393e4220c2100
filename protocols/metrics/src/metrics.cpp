#include <switchboard/metrics.hpp>
#include <switchboard/reactor_stats.hpp>

#include <algorithm>
#include <string_view>

#include "request.hpp"

namespace switchboard {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;
constexpr std::size_t kMostRequest = 8 * 1024;

struct Response {
    std::string status;
    std::string type = "text/plain; charset=utf-8";
    std::string body;
    std::string more = {};  // header lines
};

std::string head_of(const Response& response) {
    return "HTTP/1.1 " + response.status + "\r\nContent-Type: " + response.type +
           "\r\nContent-Length: " + std::to_string(response.body.size()) +
           "\r\nConnection: close\r\n" + response.more + "\r\n";
}

Response refusal(std::string_view status, std::string_view why) {
    return {.status = std::string(status), .body = std::string(why) + "\n"};
}

Response bad_request(std::string_view why) {
    return refusal("400 Bad Request", why);
}

std::string json_of(const std::vector<ReactorStats>& reactors) {
    std::string text = "{\"reactors\":[";
    for (const ReactorStats& stats : reactors) {
        if (text.back() != '[') text += ',';
        text += to_json(stats);
        text.pop_back();  // the line end
    }
    return text + "]}\n";
}

class Metrics final : public Protocol {
public:
    Metrics(Reactor& reactor, AskStats ask) : reactor_(reactor), ask_(std::move(ask)) {}

    void on_open(Connection& c) override { c.set_deadline(c.now() + kPatience); }

    std::size_t on_data(Connection& c, MutableBytes in) override {
        constexpr std::string_view empty_line = "\r\n\r\n";
        const std::string_view text = as_text(in).substr(0, kMostRequest);
        const auto end = text.find(empty_line, seen_);
        const bool whole = end != std::string_view::npos;
        if (detail::has_control(text.substr(0, whole ? end + 2 : end), seen_))
            return answer(c, bad_request("the request contains a control character")), in.size();
        if (whole) return handle(c, text.substr(0, end)), in.size();
        if (text.size() == kMostRequest)
            return answer(c, bad_request("the request is longer than 8 KiB")), in.size();
        // The empty line may have begun in the last three bytes.
        seen_ = text.size() - std::min(text.size(), empty_line.size() - 1);
        return 0;
    }

private:
    void handle(Connection& c, std::string_view head) {
        const auto request = detail::parse_request(head);
        if (!request) return answer(c, bad_request(request.error()));
        if (request->method != "GET" && request->method != "HEAD") {
            Response response =
                refusal("405 Method Not Allowed", "only GET and HEAD are supported");
            response.more = "Allow: GET, HEAD\r\n";
            return answer(c, response);
        }
        bodiless_ = request->method == "HEAD";
        if (request->path != "/metrics" && request->path != "/stats")
            return answer(c, refusal("404 Not Found", "not found; available: /metrics and /stats"));
        c.pause_reading();  // so that it is not idle while the other reactors are asked
        ask_([&reactor = reactor_, id = c.id(), bodiless = bodiless_,
              json = request->path == "/stats"](const std::vector<ReactorStats>& reactors) {
            Connection* const asker = reactor.find(id);
            if (asker == nullptr) return;
            Response response{.status = "200 OK", .body = {}};
            response.type = json ? "application/json" : "text/plain; version=0.0.4; charset=utf-8";
            response.body = json ? json_of(reactors) : to_prometheus(reactors);
            send(*asker, response, bodiless);
        });
    }

    void answer(Connection& c, const Response& response) const { send(c, response, bodiless_); }

    static void send(Connection& c, const Response& response, bool bodiless) {
        c.write(head_of(response) + (bodiless ? "" : response.body));
        c.close();
    }

    Reactor& reactor_;
    AskStats ask_;
    std::size_t seen_ = 0;  // the end of the request does not begin before this offset
    bool bodiless_ = false;
};

}  // namespace

ProtocolFactory make_metrics(Reactor& reactor, AskStats ask) {
    return [&reactor, ask = std::move(ask)] { return std::make_unique<Metrics>(reactor, ask); };
}

ProtocolFactory make_metrics(Reactor& reactor) {
    return make_metrics(reactor,
                        [&reactor](const auto& answer) { answer({collect_stats(reactor)}); });
}

}  // namespace switchboard
