// One name asked of the servers of the DNS.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <switchboard/socket.hpp>
#include <vector>

#include "loop.hpp"
#include "timers.hpp"

struct ares_channeldata;
struct ares_addrinfo;

namespace switchboard::detail {

using Found = tl::expected<std::vector<SocketAddress>, std::error_code>;

// What the hosts file has; an empty list if the name is not in it. Reads a local file, no more.
std::vector<SocketAddress> from_hosts_file(const std::string& name, std::uint16_t port);

// A c-ares channel of its own, so that its end is the end of the query: at once, with its sockets,
// its memory (75 KB while it lasts) and its repeats. IPv6 and IPv4 are asked for at the same time.
class DnsQuery {
public:
    using Done = std::function<void(Found)>;  // may destroy the query

    // `done` comes once, from the loop; never once this is destroyed.
    DnsQuery(Loop& loop, Timers& timers, const std::string& name, std::uint16_t port, Done done);
    DnsQuery(const DnsQuery&) = delete;
    DnsQuery& operator=(const DnsQuery&) = delete;
    ~DnsQuery();

private:
    struct Family;

    static void on_socket(void* self, int fd, int readable, int writable);
    static void on_answer(void* family, int status, int, ares_addrinfo* found);
    static void on_poll(uv_poll_t* poll, int status, int events);
    void watch(int fd, int events);
    void answered(int family, int status, const ares_addrinfo* found);
    void settle();
    void finish();
    Clock::time_point repeats_at() const;
    bool is_over() const;

    Loop& loop_;
    Timers& timers_;
    Done done_;
    ares_channeldata* channel_ = nullptr;
    std::vector<int> watches_;  // sockets of c-ares', until it closes them
    std::vector<SocketAddress> found_;
    std::error_code error_;                                 // of the family that failed last
    int unanswered_ = 2;                                    // families
    Clock::time_point ends_at_ = Clock::time_point::max();  // for the slower family
    TimerId timer_;
};

}  // namespace switchboard::detail
