// DatagramAddress, and the queue of datagrams to be sent.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <random>
#include <switchboard/datagram_address.hpp>
#include <unordered_set>

#include "datagram/peer_access.hpp"
#include "datagram/queue.hpp"
#include "loopback.hpp"

using namespace switchboard;
using detail::DatagramQueue;
using detail::PeerAccess;
using test::endpoint;

namespace {

DatagramAddress peer(std::string_view text) {
    const auto found = DatagramAddress::of(endpoint(text));
    REQUIRE_MESSAGE(found.has_value(), found.error().message());
    return *found;
}

std::string complaint(std::string_view text) {
    const auto found = DatagramAddress::of(endpoint(text));
    REQUIRE_FALSE(found.has_value());
    return found.error().message();
}

void push(DatagramQueue& queue, const DatagramAddress& to, std::string_view text) {
    const Bytes piece = as_bytes(text);
    queue.push(to, {&piece, 1}, piece.size());
}

}  // namespace

TEST_CASE("datagram peer: from an endpoint and back") {
    for (const std::string text :
         {"udp://127.0.0.1:53", "udp://[::1]:1", "udp://[2001:db8::a]:65535"}) {
        CHECK(peer(text).endpoint().to_string() == text);
        CHECK(bool(peer(text)));
    }
    CHECK(peer("udp://127.0.0.1:5353").port() == 5353);
    CHECK(peer("udp://[::1]:5353").port() == 5353);
    CHECK_FALSE(bool(DatagramAddress()));
    CHECK(DatagramAddress().port() == 0);
    CHECK(DatagramAddress().endpoint() == Endpoint());
    CHECK(DatagramAddress() == DatagramAddress(SocketAddress()));
}

TEST_CASE("datagram peer: an endpoint without an address is refused") {
    CHECK(complaint("udp://localhost:53") ==
          "send to udp://localhost:53: a name must be resolved first: not supported here");
    CHECK(complaint("tcp://127.0.0.1:53") ==
          "send to tcp://127.0.0.1:53: not a udp endpoint: not supported here");
    CHECK(complaint("unix:/x").find("not a udp endpoint") != std::string::npos);
}

TEST_CASE("datagram peer: compares and hashes only address and port") {
    std::unordered_set<DatagramAddress> peers;
    for (int port = 1; port <= 100; ++port)
        peers.insert(peer("udp://127.0.0.1:" + std::to_string(port)));
    CHECK(peers.size() == 100);
    DatagramAddress asked_elsewhere = peer("udp://127.0.0.1:7");
    PeerAccess::set_local_size(asked_elsewhere, 4);
    CHECK(peers.contains(asked_elsewhere));
    CHECK_FALSE(peers.contains(peer("udp://127.0.0.2:7")));
    CHECK_FALSE(peers.contains(peer("udp://[::1]:7")));
}

TEST_CASE(
    "datagram peer: an IPv4-mapped address equals the IPv4 one, and is mapped for IPv6 sockets") {
    const DatagramAddress plain = peer("udp://192.0.2.1:80");
    DatagramAddress changed = plain;
    PeerAccess::map(changed);
    CHECK(PeerAccess::family(changed) == AF_INET6);
    CHECK(PeerAccess::size(changed) == sizeof(sockaddr_in6));
    CHECK(changed.port() == 80);
    CHECK(DatagramAddress(changed.address()) == plain);
    PeerAccess::unmap(changed);
    CHECK(changed == plain);
    DatagramAddress six = peer("udp://[2001:db8::1]:80");
    PeerAccess::map(six);
    PeerAccess::unmap(six);
    CHECK(six == peer("udp://[2001:db8::1]:80"));
}

TEST_CASE("datagram queue: keeps order and bytes through random pushes and pops") {
    const std::uint64_t seed = std::random_device()();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    DatagramQueue queue(std::pmr::get_default_resource());
    std::vector<std::string> expected;
    std::size_t weight = 0, first = 0;
    for (int step = 0; step < 20'000; ++step) {
        if (random() % 2 == 0) {
            expected.emplace_back(random() % 300, static_cast<char>('a' + random() % 26));
            push(queue, peer("udp://127.0.0.1:7"), expected.back());
            weight += expected.back().size() + DatagramQueue::kOverhead;
        } else if (!queue.empty()) {
            const std::size_t count = 1 + random() % queue.count();
            for (std::size_t i = 0; i < count; ++i) {
                REQUIRE(as_text(queue.bytes(queue.at(i))) == expected[first + i]);
                weight -= expected[first + i].size() + DatagramQueue::kOverhead;
            }
            queue.pop(count);
            first += count;
        }
        REQUIRE(queue.count() == expected.size() - first);
        REQUIRE(queue.weight() == weight);
        REQUIRE(queue.popped() == first);
    }
}
