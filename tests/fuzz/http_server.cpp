// A server with routes of each kind answers any bytes in the same way, however they arrive. The paths are
// short: /w has a whole body, /s one in pieces, /n none, /l an answer that comes later, /p one in pieces.
#include <memory>
#include <string>
#include <switchboard/http.hpp>
#include <switchboard/testing/memory.hpp>
#include <vector>

#include "fuzz.hpp"

using namespace switchboard;

namespace {

std::string text_of(std::string_view body, std::span<const http::Field> trailers) {
    std::string text(body);
    for (const auto& field : trailers)
        text += "[" + std::string(field.name) + "=" + std::string(field.value) + "]";
    return text;
}

void collect(const http::Request&, http::Response& response) {
    struct State {
        explicit State(http::Later answer) : later(std::move(answer)) {}
        http::Later later;
        std::string text;
        std::optional<http::Upload> upload;
    };
    const auto state = std::make_shared<State>(response.later());
    state->upload = response.read({.on_piece = [state](Bytes piece, bool last) {
        state->text += as_text(piece);
        if (last) state->later.send(text_of(state->text, state->upload->trailers()));
    }});
}

void in_pieces(const http::Request& request, http::Response& response) {
    http::Stream stream = response.stream();
    stream.write(request.path());
    stream.write(request.parameter("name"));
    const http::Field trailer{"X-Query", request.query()};
    stream.end({&trailer, 1});
}

class FuzzServer {
public:
    FuzzServer() : server_(options()) {
        constexpr std::size_t most = 64;
        const auto whole = [](const http::Request& request, http::Response& response) {
            response.send(text_of(as_text(request.body()), request.trailers()));
        };
        const auto none = [](const http::Request&, http::Response& response) {
            response.send("n");
        };
        const auto later = [this](const http::Request& request, http::Response& response) {
            response.field("X-Name", request.parameter("name"));
            waiting_.push_back(response.later());
        };
        server_.route("POST", "/w", whole, {.max_body = most})
            .route("POST", "/s", collect, {.body = http::Body::stream, .max_body = most})
            .route("POST", "/n", none, {.body = http::Body::none})
            .route("POST", "/l", later, {.body = http::Body::stream, .max_body = most})
            .route("GET", "/l/{name}", later)
            .route("GET", "/p/{name...}", in_pieces)
            .route("GET", "/", none);
    }

    // Sends the input, `step` bytes at a time.
    std::string answers(std::string_view input, std::size_t step) {
        testing::MemoryDriver driver;
        auto& peer = driver.connect(server_.factory());
        while (!input.empty()) {
            peer.send(input.substr(0, step));
            input.remove_prefix(std::min(step, input.size()));
            run(driver);
        }
        peer.shutdown_write();
        run(driver);
        fuzz::require(peer.closed(), "it ends after the input has ended");
        fuzz::require(peer.close_reason() != errc::handler_failed, peer.failure());
        return without_100(peer.received());
    }

private:
    static http::ServerOptions options() {
        http::ServerOptions with;
        with.clock = nullptr;
        with.limits.max_line = 128;
        with.limits.max_head = 512;
        return with;
    }
    void run(testing::MemoryDriver& driver) {
        driver.run();
        while (!waiting_.empty()) {
            auto now = std::move(waiting_);
            waiting_.clear();
            for (http::Later& each : now) each.send("l");
            driver.run();
        }
    }
    // Whether it is sent depends on what has come with the head.
    static std::string without_100(std::string text) {
        constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
        for (auto at = text.find(interim); at != text.npos; at = text.find(interim))
            text.erase(at, interim.size());
        return text;
    }

    http::Server server_;
    std::vector<http::Later> waiting_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = fuzz::as_text(data, size);
    FuzzServer server;
    const std::string whole = server.answers(input, std::max<std::size_t>(size, 1));
    fuzz::require(whole.empty() || whole.starts_with("HTTP/1.1 "), "an answer or nothing");
    fuzz::require(server.answers(input, 1) == whole, "one byte at a time");
    fuzz::require(server.answers(input, 5) == whole, "five bytes at a time");
    return 0;
}
