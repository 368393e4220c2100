// A private network for a test: interfaces, routes, /etc/hosts and /etc/resolv.conf that only one child
// process sees, and that end with it (man 7 namespaces). Linux only; requires root.
#pragma once

#include <sched.h>
#include <cstdlib>
#include <fstream>
#include <string>

#include "child.hpp"
#include "descriptors.hpp"
#include "loopback.hpp"

namespace switchboard::test {

struct Network {
    std::string hosts = {};   // the content of /etc/hosts
    std::string script = {};  // for sh; the loopback interface is already up
    // Name look-ups go to 127.0.0.1. Nobody listens there, unless the test does.
};

namespace network_setup {

// v0 is connected to v1, which forwards nothing. So packets to 192.0.2.0/24 and 2001:db8::/64 are dropped, as
// by a firewall. 198.51.100.0/24 and 2001:db8:1::/64 are unreachable.
inline constexpr const char* kSetup = R"(set -e
ip link set lo up
mount --make-rprivate /
mount -t tmpfs none /mnt
printf '%s' "$HOSTS" > /mnt/hosts
echo 'nameserver 127.0.0.1' > /mnt/resolv.conf
for file in hosts resolv.conf; do mount --bind /mnt/$file /etc/$file; done
ip link add v0 type veth peer name v1
ip link set v0 up
ip link set v1 up
ip address add 192.0.2.1/24 dev v0
ip address add 2001:db8::1/64 dev v0 nodad
for host in 192.0.2.66 192.0.2.67 2001:db8::66; do
    ip neighbour add $host lladdr 02:00:00:00:00:66 dev v0 nud permanent
done
ip route add unreachable 198.51.100.0/24
ip -6 route add unreachable 2001:db8:1::/64
)";

// Sometimes the kernel finds no route for the first packet to an IPv6 address that was just added
// (Ip6InNoRoutes). A lost SYN would be sent again only after a second.
inline void await_answer(const std::string& host) {
    constexpr int most = 50;
    for (int tries = 0; tries < most; ++tries) {
        const auto connected = connect(Endpoint::tcp(host, 9), std::chrono::milliseconds(20));
        if (connected || connected.error() != errc::connect_timed_out) return;
    }
}

inline bool enter(const Network& network) {
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return false;
    ::setenv("HOSTS", network.hosts.c_str(), 1);
    const std::string quiet = "exec 2>/dev/null\n";
    if (std::system((quiet + kSetup + network.script).c_str()) != 0) return false;
    await_answer("2001:db8::1");
    return true;
}

}  // namespace network_setup

// Runs `body` in that network and returns its result. If it left descriptors open, the result says so.
// Returns "skipped", with a message, if network namespaces are not permitted.
template <class Body>
std::string in_network(const Network& network, Body body) {
    std::string text = in_child([&]() -> std::string {
        if (!network_setup::enter(network)) return "skipped";
        const std::size_t before = count_descriptors();
        std::string told;
        try {
            told = body();
        } catch (const std::exception& e) {
            told = std::string("threw: ") + e.what();
        }
        return told + (count_descriptors() > before ? " and left a descriptor open" : "");
    });
    if (text == "skipped") MESSAGE("no network namespaces here: nothing checked");
    return text;
}

// Like CHECK, but passes if in_network() was skipped.
#define CHECK_IN_NETWORK(told, expected)                  \
    do {                                                  \
        const std::string text_ = (told);                 \
        if (text_ != "skipped") CHECK(text_ == expected); \
    } while (false)

}  // namespace switchboard::test
