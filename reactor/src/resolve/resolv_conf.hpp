// Which servers to ask, and for which names: /etc/resolv.conf as glibc reads it (man 5 resolv.conf).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace switchboard::detail {

struct ResolvConf {
    std::vector<std::string> servers;  // addresses without zones, the first three; none: 127.0.0.1
    std::vector<std::string> search;   // domains without a dot at either end; "" is the root
    int ndots = 1;                     // a name with this many dots is first asked for as it is
    std::chrono::seconds timeout{0};   // 0: not given
    int attempts = 0;                  // 0: not given
    bool rotate = false;
    bool use_tcp = false;
    bool no_aaaa = false;
    bool no_tld_query = false;  // a name without a dot is never asked for as it is
};

// Settings outside the file: LOCALDOMAIN and RES_OPTIONS of the environment, if set, and the host's name.
struct ResolvEnvironment {
    const char* local_domain = nullptr;
    const char* options = nullptr;
    std::string host_name = {};
};

ResolvConf parse_resolv_conf(std::string_view text, const ResolvEnvironment& environment);
// Reads the current settings of this machine.
ResolvConf read_resolv_conf();

// Returns the names to ask for, in order, without duplicates. Each ends with a dot.
std::vector<std::string> names_to_ask(const std::string& name, const ResolvConf& conf);

}  // namespace switchboard::detail
