// A DNS query for one name.
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <switchboard/socket.hpp>
#include <vector>

#include "loop/loop.hpp"
#include "loop/timers.hpp"
#include "resolv_conf.hpp"

struct ares_channeldata;
struct ares_addrinfo;

namespace switchboard::detail {

using Found = tl::expected<std::vector<SocketAddress>, std::error_code>;

// Returns the addresses in the hosts file; an empty list if the name is not in it. Only reads a local file.
std::vector<SocketAddress> from_hosts_file(const std::string& name, std::uint16_t port);

// Each query has its own c-ares channel (75 KB), so destroying it ends the query at once, with its sockets
// and repeats. IPv6 and IPv4 are asked for at the same time, and the names of the search list one after
// another. The first name that has addresses of either family is used for both.
class DnsQuery {
public:
    // Gets the addresses that have come since the last call (in a second call there may be none), or the
    // error. `is_last` says that no more will come. May destroy the query.
    using Hear = std::function<void(Found found, bool is_last)>;

    // `hear` is called from the loop: when both families are answered or failed; or 50 ms after the first
    // addresses, and then once more for the slower family. It is never called after this object is
    // destroyed. `conf` has the servers and their order.
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
    std::vector<int> watches_;          // sockets of c-ares, until it closes them
    std::vector<SocketAddress> found_;  // not passed to hear_ yet
    bool has_found_ = false;            // the name that was asked for last has addresses
    int ipv6_status_ = 0, ipv4_status_ = 0;
    std::error_code error_;
    int unanswered_ = 0;  // families without an answer
    // When hear_ is called without the slower family.
    Clock::time_point heard_at_ = Clock::time_point::max();
    TimerId timer_;
};

}  // namespace switchboard::detail
