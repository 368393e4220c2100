#include <limits>
#include <stdexcept>
#include <switchboard/http.hpp>
#include <switchboard/http_registry.hpp>

namespace switchboard::http {
namespace {

constexpr std::size_t kLargestPage = 1024 * 1024;

Result<ProtocolFactory> file_server(const Options& options, const ProtocolContext&) {
    if (auto known = options.only({"root"}); !known) return tl::unexpected(known.error());
    const std::string* const root = options.find("root");
    if (!root) return fail(errc::bad_option, "option root=DIR is missing");
    try {
        return Server().files("/", *root).factory();
    } catch (const std::invalid_argument& error) {
        return fail(errc::bad_option, std::string("option root: ") + error.what());
    }
}

// A benchmark makes as many requests as it likes on each connection.
Result<ProtocolFactory> hello_server(const Options& options, const ProtocolContext&) {
    if (auto known = options.only({"size"}); !known) return tl::unexpected(known.error());
    constexpr std::string_view kText = "Hello, world!\n";
    const auto size = options.size("size", kText.size());
    if (!size) return tl::unexpected(size.error());
    if (*size > kLargestPage) return fail(errc::bad_option, "option size: must be at most 1048576");
    std::string page;
    while (page.size() < *size) page += kText.substr(0, *size - page.size());
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
                  .options = "root=DIR",
                  .make = file_server});
    registry.add({.name = "hello",
                  .summary = "serves one short page over HTTP/1.1, for benchmarks",
                  .options = "size=BYTES",
                  .make = hello_server});
}

}  // namespace switchboard::http
