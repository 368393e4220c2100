#include <switchboard/metrics.hpp>

#include <algorithm>
#include <string_view>

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

Response refusal(const std::string& status, const std::string& why) {
    return {.status = status, .body = why + "\n"};
}

// "GET /metrics HTTP/1.1", or the target in full, as a proxy has it: RFC 9112, sections 3 and 3.2.2. The
// rest of the request says nothing that matters here.
struct RequestLine {
    std::string_view method, target;
};

std::optional<RequestLine> parse(std::string_view line) {
    const auto first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return std::nullopt;
    const auto version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return std::nullopt;
    auto target = line.substr(first + 1, last - first - 1);
    constexpr std::string_view scheme = "http://";
    if (target.starts_with(scheme)) {
        const auto path = target.find('/', scheme.size());
        target = path == std::string_view::npos ? "/" : target.substr(path);
    }
    if (first == 0 || target.empty() || target.front() != '/' ||
        target.find(' ') != std::string_view::npos)
        return std::nullopt;
    return RequestLine{line.substr(0, first), target.substr(0, target.find('?'))};
}

std::string json_of(const std::vector<ReactorStats>& reactors) {
    std::string text = "{\"reactors\":[";
    for (const ReactorStats& stats : reactors) {
        if (text.back() != '[') text += ',';
        text += to_json(stats);
        text.pop_back();  // the end of the line
    }
    return text + "]}\n";
}

class Metrics final : public Protocol {
public:
    Metrics(Reactor& reactor, AskStats ask) : reactor_(reactor), ask_(std::move(ask)) {}

    void on_open(Connection& c) override { c.set_deadline(c.now() + kPatience); }

    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::string_view text = as_text(in);
        const auto end = text.substr(0, kMostRequest).find("\r\n\r\n", seen_);
        if (end == std::string_view::npos) {
            seen_ = text.size() - std::min<std::size_t>(text.size(), 3);  // the end may have begun
            if (text.size() < kMostRequest) return 0;
            return answer(c, refusal("400 Bad Request", "a request of over 8 KiB")), in.size();
        }
        const auto line = parse(text.substr(0, text.find("\r\n")));
        if (!line) return answer(c, refusal("400 Bad Request", "no HTTP/1 request")), in.size();
        handle(c, *line);
        return in.size();
    }

private:
    void handle(Connection& c, const RequestLine& line) {
        if (line.method != "GET" && line.method != "HEAD") {
            Response response = refusal("405 Method Not Allowed", "GET and HEAD alone");
            response.more = "Allow: GET, HEAD\r\n";
            return answer(c, response);
        }
        bodiless_ = line.method == "HEAD";
        if (line.target != "/metrics" && line.target != "/stats")
            return answer(c, refusal("404 Not Found", "there are /metrics and /stats"));
        c.pause_reading();  // and so it is not idle while the others are asked
        ask_([&reactor = reactor_, id = c.id(), bodiless = bodiless_,
              json = line.target == "/stats"](const std::vector<ReactorStats>& reactors) {
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
    std::size_t seen_ = 0;  // the end of the request begins nowhere before this
    bool bodiless_ = false;
};

}  // namespace

ProtocolFactory make_metrics(Reactor& reactor, AskStats ask) {
    return [&reactor, ask = std::move(ask)] { return std::make_unique<Metrics>(reactor, ask); };
}

ProtocolFactory make_metrics(Reactor& reactor) {
    return make_metrics(reactor, [&reactor](const auto& answer) { answer({reactor.stats()}); });
}

}  // namespace switchboard
