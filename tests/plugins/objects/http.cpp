// The HTTP server of this library, as a plugin.
#include <switchboard/http_registry.hpp>
#include <switchboard/plugin.hpp>

SWITCHBOARD_PLUGIN("http", "1.0", "an HTTP server") {
    switchboard::http::register_http(registry);
}
