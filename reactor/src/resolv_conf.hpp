// Whom to ask for a name, and under which names: /etc/resolv.conf as glibc reads it (man 5 resolv.conf).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace switchboard::detail {

struct ResolvConf {
    std::vector<std::string>
        servers;                      // addresses without zones, the first three; none is 127.0.0.1
    std::vector<std::string> search;  // domains without a dot at either end; "" is the root
    int ndots = 1;                    // so many dots make a name be asked for as it stands first
    std::chrono::seconds timeout{0};  // 0: not said
    int attempts = 0;                 // 0: not said
    bool rotate = false;
    bool use_tcp = false;
    bool no_aaaa = false;
    bool no_tld_query = false;  // no name without a dot is asked for as it stands
};

// What stands beside the file: LOCALDOMAIN and RES_OPTIONS of the environment, if set, and the host's name.
struct ResolvEnvironment {
    const char* local_domain = nullptr;
    const char* options = nullptr;
    std::string host_name = {};
};

ResolvConf parse_resolv_conf(std::string_view text, const ResolvEnvironment& environment);
// The machine's, as it is now.
ResolvConf read_resolv_conf();

// The names to ask for in turn, each with a dot at its end, no two alike.
std::vector<std::string> names_to_ask(const std::string& name, const ResolvConf& conf);

}  // namespace switchboard::detail
