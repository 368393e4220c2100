// A client and servers on one reactor.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <switchboard/http.hpp>
#include <switchboard/http_client.hpp>
#include <vector>

#include "text.hpp"
#include "turns.hpp"

namespace switchboard::test {

using http::Call;
using http::Reply;
using http::Request;
using http::Response;

// A server that the test writes byte by byte. For each request (a head, without a body) it calls `answer`.
struct RawServer {
    std::size_t connections = 0, open = 0, requests = 0;
    std::vector<std::string> heads;
    std::function<void(Connection&, std::size_t request)> answer;  // counted from 1

    ProtocolFactory factory() {
        return callbacks([this] {
            ++connections;
            ++open;
            return Callbacks{.on_data =
                                 [this](Connection& c, MutableBytes in) {
                                     const auto end = as_text(in).find("\r\n\r\n");
                                     if (end == std::string_view::npos) return std::size_t{0};
                                     heads.emplace_back(as_text(in).substr(0, end + 4));
                                     answer(c, ++requests);
                                     return end + 4;
                                 },
                             .on_close = [this](std::error_code) { --open; }};
        });
    }
};

// Answers with a fixed text.
inline std::function<void(Connection&, std::size_t)> says(std::string text, bool closes = false) {
    return [text = std::move(text), closes](Connection& c, std::size_t) {
        c.write(text);
        if (closes) c.close();
    };
}

inline std::string reply_of(std::string_view body, std::string_view fields = "",
                            std::string_view status = "200 OK") {
    return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// The result of a call, once it is there.
struct Got {
    std::optional<Result<Reply>> result;
    std::size_t times = 0;

    http::Client::Done done() {
        return [this](Result<Reply> got) {
            ++times;
            result = std::move(got);
        };
    }
    const Reply& reply() const {
        REQUIRE(result.has_value());
        REQUIRE_MESSAGE(result->has_value(), result->error().message());
        return **result;
    }
    const Error& error() const {
        REQUIRE(result.has_value());
        REQUIRE_FALSE(result->has_value());
        return result->error();
    }
};

// A reactor with a client.
struct Net {
    Reactor reactor;
    std::optional<http::Client> client;

    explicit Net(http::ClientOptions options = {}) { client.emplace(reactor, std::move(options)); }
    Endpoint serve(const http::Server& server) {
        return listen_on(reactor, server.factory()).local;
    }
    Endpoint serve(RawServer& server) { return listen_on(reactor, server.factory()).local; }

    Got send(Call call, http::CallHooks hooks = {}) {
        Got got;
        client->send(std::move(call), got.done(), std::move(hooks));
        run_until(reactor, [&] { return got.result.has_value(); });
        return got;
    }
    Got get(const std::string& url) { return send({.url = url}); }
};

inline std::string url_of(const Endpoint& at, std::string_view target = "/",
                          std::string_view scheme = "http") {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(at.port()) + std::string(target);
}

// GET / says hello, POST / sends the body back, and GET /fields the fields of the request.
inline http::Server site() {
    http::Server server;
    server.route("GET", "/", [](const Request&, Response& response) { response.send("hello"); });
    server.route(
        "POST", "/",
        [](const Request& request, Response& response) {
            response.field("X-Type", request.field("content-type")).send(as_text(request.body()));
        },
        {.max_body = 16 * 1024 * 1024});
    server.route("GET", "/fields", [](const Request& request, Response& response) {
        std::string text;
        for (const auto& [name, value] : request.fields())
            text.append(name).append(": ").append(value).append("\n");
        response.send(text);
    });
    return server;
}

}  // namespace switchboard::test
