#include "sippers.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <algorithm>
#include <array>

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr int kSegment = 1'460;     // bytes, as over Ethernet
constexpr int kBuffer = 4'096;      // bytes, for what the peer has not read
constexpr std::size_t kSip = 8;     // bytes
constexpr std::size_t kParts = 20;  // of a second; in each of them other peers read
constexpr int kPartMs = 50;
constexpr std::chrono::seconds kMostWait{5};  // for a connect

// With the segments of loopback, of 64 KiB, and the usual buffers the system would keep 4 MB for each peer:
// for all of them more than it allows all its sockets.
Result<Socket> connect_small(const Endpoint& target) {
    Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(target.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (auto set = socket.set_timeouts(kMostWait, kMostWait); !set)
        return tl::unexpected(set.error());
    if (setsockopt(socket.fd(), IPPROTO_TCP, TCP_MAXSEG, &kSegment, sizeof kSegment) != 0 ||
        setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer) != 0 ||
        ::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
        return fail_errno("connect a slow peer");
    return socket.set_blocking(Blocking::no).map([&] { return std::move(socket); });
}

}  // namespace

Sippers::Sippers(Endpoint target, Options options)
    : target_(std::move(target)), options_(std::move(options)) {
    thread_ = std::thread([this] { run(); });
}

Sippers::~Sippers() {
    stops_ = true;
    thread_.join();
}

void Sippers::run() {
    sippers_.reserve(options_.count);
    while (!stops_ && connected_ + failures_ < options_.count) connect_one();
    const sched_param none{};
    if (options_.polite) sched_setscheduler(0, SCHED_IDLE, &none);
    for (std::size_t part = 0; !stops_; part = (part + 1) % kParts) {
        sip(part);
        find_gone();
        poll(nullptr, 0, kPartMs);
    }
}

void Sippers::connect_one() {
    auto socket = connect_small(target_);
    if (socket && socket->send(as_bytes(options_.request))) {
        sippers_.push_back({std::move(*socket), std::chrono::steady_clock::now()});
        ++connected_;
    } else {
        ++failures_;
        ++gone_;
    }
}

void Sippers::sip(std::size_t part) {
    std::array<std::byte, kSip> bytes;
    for (std::size_t i = part; i < sippers_.size(); i += kParts) {
        if (sippers_[i].socket) (void)sippers_[i].socket.receive(bytes);
    }
}

// A reset is seen at once, before the bytes that came earlier are read.
void Sippers::find_gone() {
    std::vector<pollfd> all;
    for (const Sipper& each : sippers_) all.push_back({each.socket.fd(), 0, 0});
    if (poll(all.data(), all.size(), 0) <= 0) return;
    const auto now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].revents == 0) continue;
        const auto lasted = std::chrono::duration_cast<milliseconds>(now - sippers_[i].asked);
        longest_ = std::max(longest_.load(), lasted);
        sippers_[i].socket.close();  // poll() skips it from now on
        ++gone_;
    }
}

}  // namespace switchboard::bench
