#include <limits>
#include <stdexcept>
#include <switchboard/http.hpp>
#include <switchboard/http_registry.hpp>

namespace switchboard::http {
namespace {

constexpr std::string_view kText = "Hello, world!\n";

Result<ProtocolFactory> file_server(const Options& options, const ProtocolContext&) {
    try {
        return Server().files("/", options.text("root")).factory();
    } catch (const std::invalid_argument& error) {
        return fail(errc::bad_option, std::string("option root: ") + error.what());
    }
}

// A benchmark makes as many requests as it likes on each connection.
Result<ProtocolFactory> hello_server(const Options& options, const ProtocolContext&) {
    const std::size_t size = options.size("size");
    std::string page;
    while (page.size() < size) page += kText.substr(0, size - page.size());
    ServerOptions server;
    server.limits.max_requests = std::numeric_limits<std::size_t>::max();
    server.gzip = false;
    return Server(std::move(server))
        .route(
            "GET", "/",
            [page](const Request&, Response& response) { response.type("text/plain").send(page); })
        .factory();
}

}  // namespace

void register_http(Registry& registry) {
    registry.add({.name = "http",
                  .summary = "serves the files of a directory over HTTP/1.1 (RFC 9112)",
                  .options = {{.name = "root",
                               .help = "the directory with the files",
                               .placeholder = "DIR"}},
                  .make = file_server});
    registry.add({.name = "hello",
                  .summary = "serves one short page over HTTP/1.1, for benchmarks",
                  .options = {{.name = "size",
                               .help = "bytes of the page, at most 1M",
                               .type = OptionSpec::Type::size,
                               .fallback = std::to_string(kText.size()),
                               .most = 1024 * 1024}},
                  .make = hello_server});
}

}  // namespace switchboard::http
