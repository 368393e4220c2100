// The protocols of inetd, as a plugin.
#include <switchboard/inetd.hpp>
#include <switchboard/plugin.hpp>

SWITCHBOARD_PLUGIN("inetd", "1.0", "the small services of RFC 862 to 868") {
    switchboard::register_inetd(registry, [] { return std::chrono::system_clock::now(); });
}
