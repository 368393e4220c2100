#include <stdexcept>
#include <switchboard/http.hpp>
#include <switchboard/http_registry.hpp>

namespace switchboard::http {
namespace {

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

}  // namespace

void register_http(Registry& registry) {
    registry.add({.name = "http",
                  .summary = "serves the files of a directory over HTTP/1.1 (RFC 9112)",
                  .options = "root=DIR",
                  .make = file_server});
}

}  // namespace switchboard::http
