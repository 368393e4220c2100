// One name asked of the servers of the DNS.
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <switchboard/socket.hpp>
#include <vector>

#include "loop.hpp"
#include "resolv_conf.hpp"
#include "timers.hpp"

struct ares_channeldata;
struct ares_addrinfo;

namespace switchboard::detail {

using Found = tl::expected<std::vector<SocketAddress>, std::error_code>;

// What the hosts file has; an empty list if the name is not in it. Reads a local file, no more.
std::vector<SocketAddress> from_hosts_file(const std::string& name, std::uint16_t port);

// A c-ares channel of its own, so that its end is the end of the query: at once, with its sockets,
// its memory (75 KB while it lasts) and its repeats. IPv6 and IPv4 are asked for at the same time, and one
// name of the search list after the other: the name that has addresses of either family is that of both.
class DnsQuery {
public:
    // The addresses that have come since the last call, which may be none in a second call, or why there
    // are none; `is_last` says that no more will come. May destroy the query.
    using Hear = std::function<void(Found found, bool is_last)>;

    // `hear` is called from the loop: once both families are answered or failed, or 50 ms after the first
    // addresses, and then once more for the slower family. Never once this is destroyed. `conf` says whom
    // to ask in which order.
    DnsQuery(Loop& loop, Timers& timers, const ResolvConf& conf, const std::string& name,
             std::uint16_t port, Hear hear);
    DnsQuery(const DnsQuery&) = delete;
    DnsQuery& operator=(const DnsQuery&) = delete;
    ~DnsQuery();

private:
    struct Family;

    static void on_socket(void* self, int fd, int readable, int writable);
    static void on_answer(void* family, int status, int, ares_addrinfo* found);
    static void on_poll(uv_poll_t* poll, int status, int events);
    void watch(int fd, int events);
    void ask_next();
    void answered(int family, int status, const ares_addrinfo* found);
    bool is_nameless() const;
    void give_name_up();
    void proceed();
    void settle();
    void expire();
    Clock::time_point repeats_at() const;

    Loop& loop_;
    Timers& timers_;
    const std::string as_it_stands_;
    std::vector<std::string> names_;
    std::size_t next_ = 0;  // of names_
    const std::uint16_t port_;
    const bool asks_ipv6_;
    Hear hear_;
    ares_channeldata* channel_ = nullptr;
    std::vector<int> watches_;          // sockets of c-ares', until it closes them
    std::vector<SocketAddress> found_;  // not yet heard of
    bool has_found_ = false;            // addresses of the name that was asked for last
    int ipv6_status_ = 0, ipv4_status_ = 0;
    std::error_code error_;
    int unanswered_ = 0;                                     // families
    Clock::time_point heard_at_ = Clock::time_point::max();  // without the slower family
    TimerId timer_;
};

}  // namespace switchboard::detail
