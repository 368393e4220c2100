// The servers of bench/peers that were built. All must echo correctly, also to a peer that does not read.
// A comparison with a server that does not echo correctly would mean nothing.
#include <doctest/doctest.h>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <process.hpp>
#include <regex>
#include <switchboard/socket.hpp>
#include <system/cpus.hpp>
#include <system/environment.hpp>
#include <system/server_process.hpp>
#include <system/usage.hpp>
#include <workload/message.hpp>

#include "bench.hpp"

using namespace switchboard;
using namespace switchboard::support;
using namespace switchboard::test;
using switchboard::bench::Pattern;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;
constexpr std::size_t kChunk = 64 * 1024, kStep = 4 * 1024;
constexpr std::size_t kMost = 192 * kMiB;    // sent to a server that never stops reading
constexpr std::size_t kGrowth = 64 * kMiB;   // the most memory that a server may add
constexpr int kStuck = 150, kLong = 30'000;  // milliseconds

class PeerServer {
public:
    explicit PeerServer(const std::string& name, const std::vector<std::string>& arguments = {})
        : process_(command(name, arguments)), line_(process_.read_line()) {
        const auto from = line_.find(" on ") + 4;
        endpoint_ = line_.substr(from, line_.find(" (") - from);
        CHECK(line_ == "listening on " + endpoint_ + " (" + name + ")");
    }
    PeerServer(const PeerServer&) = delete;
    PeerServer& operator=(const PeerServer&) = delete;
    // After each test the server must be alive and end on SIGTERM.
    ~PeerServer() {
        process_.signal(SIGTERM);
        const auto ended = process_.wait();
        INFO(ended.errors);
        CHECK(ended.status == 128 + SIGTERM);
        CHECK(ended.errors.empty());
    }

    void signal(int number) const { process_.signal(number); }
    std::size_t memory() const { return bench::status_bytes(process_.id(), "VmRSS"); }
    double cpu_seconds() const { return bench::CpuMeter(process_.id()).read().total; }
    Socket connect() const {
        auto socket = switchboard::connect(*Endpoint::parse(endpoint_));
        REQUIRE_MESSAGE(socket.has_value(), socket.error().message());
        REQUIRE(socket->set_timeouts(std::chrono::seconds(30), std::chrono::seconds(30)));
        return std::move(*socket);
    }

private:
    static std::vector<std::string> command(const std::string& name,
                                            const std::vector<std::string>& arguments) {
        std::vector<std::string> command{SWITCHBOARD_BIN "/" + name};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return command;
    }

    Process process_;
    std::string line_, endpoint_;
};

// A sanitizer keeps up to 256 MiB of freed memory, which would count as the peer's memory.
void keep_nothing_freed() {
    const char* const given = std::getenv("ASAN_OPTIONS");
    const std::string options = given == nullptr ? "" : std::string(given) + ":";
    setenv("ASAN_OPTIONS",
           (options + "quarantine_size_mb=1:thread_local_quarantine_size_kb=64").c_str(), 1);
}

void for_each_peer(const std::function<void(const std::string& name)>& test) {
    keep_nothing_freed();
    const auto cpus = bench::plan_cpus(bench::Cpus::apart);
    REQUIRE(cpus);
    for (const auto& kind : bench::server_kinds()) {
        if (kind.is_driver() || kind.serves != "echo") continue;
        CAPTURE(kind.name);
        const std::string why = bench::why_unavailable(kind, SWITCHBOARD_BIN, cpus->server);
        if (why.empty()) {
            test(kind.name);
        } else {
            // A peer that is built must start. The kernel may refuse only io_uring.
            MESSAGE(kind.name << " left out: " << why);
            const std::string program = SWITCHBOARD_BIN "/" + kind.program;
            CHECK(kind.may_be_missing());
            CHECK((access(program.c_str(), X_OK) != 0 || kind.name == "io-uring"));
        }
    }
}

// Waits a while until all that was sent has been read (unix socket) or has arrived (TCP). Returns whether
// it has.
bool is_all_taken(const Socket& socket) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kStuck);
    for (int left = 1; std::chrono::steady_clock::now() < end; std::this_thread::yield()) {
        REQUIRE(ioctl(socket.fd(), SIOCOUTQ, &left) == 0);
        if (left == 0) return true;
    }
    return false;
}

bool is_ready(const Socket& socket, short events, int patience) {
    pollfd wanted{socket.fd(), events, 0};
    return poll(&wanted, 1, patience) == 1;
}

// One end of a conversation. Each byte is determined by its position, so that it can be checked.
class Talk {
public:
    explicit Talk(Socket socket, std::size_t number = 0)
        : socket_(std::move(socket)), pattern_(kChunk), from_(Pattern::entry(number)) {
        REQUIRE(socket_.set_blocking(Blocking::no));
    }
    const Socket& socket() const { return socket_; }
    std::size_t sent() const { return sent_; }

    // Sends until `total` bytes are sent in all, or until the socket takes no more at once.
    void send_some(std::size_t total) {
        while (sent_ < total) {
            const auto took =
                socket_.send(pattern_.at(from_ + sent_, std::min(kChunk, total - sent_)));
            if (!took) REQUIRE(took.error() == std::errc::operation_would_block);
            if (!took) return;
            sent_ += *took;
        }
    }
    // Sends until the server has not taken a byte for a while. Returns false if it took everything.
    bool send_until_stuck() {
        do send_some(kMost);
        while (sent_ < kMost && is_ready(socket_, POLLOUT, kStuck));
        return sent_ < kMost;
    }
    // Sends step by step, until the server does not take a step.
    void send_while_taken(std::size_t most) {
        do send_some(std::min(sent_ + kStep, most));
        while (is_all_taken(socket_) && sent_ < most);
    }
    // Sends the bytes that are missing from `total`, and receives the whole reply.
    void exchange(std::size_t total) {
        while (received_ < total) {
            const auto output = static_cast<short>(sent_ < total ? POLLOUT : 0);
            REQUIRE(is_ready(socket_, static_cast<short>(POLLIN | output), kLong));
            send_some(total);
            REQUIRE(receive_some());
        }
        CHECK(received_ == total);
    }
    // Returns false at the end of the stream.
    bool receive_some() {
        std::array<std::byte, kChunk> buffer{};
        const auto got = socket_.receive(buffer);
        if (!got) {
            REQUIRE(got.error() == std::errc::operation_would_block);
            return true;
        }
        REQUIRE(pattern_.matches(from_ + received_, Bytes(buffer).first(*got)));
        received_ += *got;
        return *got > 0;
    }
    void take_what_is_there() {
        while (is_ready(socket_, POLLIN, 0)) REQUIRE(receive_some());
    }
    bool has_ended() {
        REQUIRE(is_ready(socket_, POLLIN, kLong));
        return !receive_some();
    }

private:
    Socket socket_;
    Pattern pattern_;
    std::uint64_t from_;
    std::size_t sent_ = 0, received_ = 0;
};

void exchange_on_three(const PeerServer& server) {
    std::vector<Talk> talks;
    for (std::size_t i = 0; i < 3; ++i) talks.emplace_back(server.connect(), i);
    std::size_t total = 0;
    for (const std::size_t size : {1UL, 64UL, 16'384UL, 300'000UL, 7UL}) {
        total += size;
        for (Talk& talk : talks) talk.send_some(total);
        for (Talk& talk : talks) talk.exchange(total);
    }
}

}  // namespace

TEST_CASE("bench peers: each echoes to three connections at once, over TCP and unix sockets") {
    const BenchFolder folder;
    for_each_peer([&](const std::string& name) {
        exchange_on_three(PeerServer(name));
        const PeerServer at_path(name, {"unix:" + folder.file(name + ".sock")});
        exchange_on_three(at_path);
    });
}

TEST_CASE("bench peers: output that a client does not read is bounded, and arrives when it reads") {
    for_each_peer([](const std::string& name) {
        const PeerServer server(name);
        Talk talk(server.connect());
        talk.exchange(100);
        const std::size_t before = server.memory();
        CHECK(talk.send_until_stuck());
        CHECK(server.memory() < before + kGrowth);
        const double used = server.cpu_seconds();
        const bool moved = is_ready(talk.socket(), POLLOUT, kStuck);
        CHECK((moved || server.cpu_seconds() - used < 0.02));  // it waits and does not spin
        talk.exchange(std::max(talk.sent(), 8 * kMiB));
        CHECK(server.memory() < before + kGrowth);
    });
}

TEST_CASE("bench peers: a client that shuts down gets all that it sent, and then the end") {
    for_each_peer([](const std::string& name) {
        const PeerServer server(name);
        Talk talk(server.connect());
        talk.send_until_stuck();
        REQUIRE(talk.socket().shutdown_write());
        talk.exchange(talk.sent());
        CHECK(talk.has_ended());
        Talk silent(server.connect());
        REQUIRE(silent.socket().shutdown_write());
        CHECK(silent.has_ended());
    });
}

TEST_CASE("bench peers: a client that shuts down gets what the server had read but not yet sent") {
    const BenchFolder folder;
    for_each_peer([&](const std::string& name) {
        const PeerServer server(name, {"unix:" + folder.file(name + ".sock")});
        Talk stuck(server.connect()), other(server.connect());
        stuck.send_while_taken(kMost);
        for (std::size_t steps = 1; steps <= 3; ++steps) {
            Talk talk(server.connect());
            talk.send_while_taken(stuck.sent() - steps * kStep);
            REQUIRE(talk.socket().shutdown_write());
            other.exchange(10 * steps);  // so the server has seen the end
            talk.exchange(talk.sent());
            CHECK(talk.has_ended());
        }
    });
}

TEST_CASE(
    "bench peers: a client that shuts down at any moment gets all that it sent, and the end") {
    constexpr std::size_t kSizes[] = {100, 5'000, 70'000, 300'000, 600'000, 2'000'000};
    const BenchFolder folder;
    for_each_peer([&](const std::string& name) {
        const PeerServer server(name, {"unix:" + folder.file(name + ".sock")});
        for (std::size_t i = 0; i < 150; ++i) {
            Talk one(server.connect()), other(server.connect());
            for (Talk* talk : {&one, &other}) {
                talk->send_some(kSizes[(i + (talk == &one ? 0 : 3)) % std::size(kSizes)]);
                if (i % 3 == 0) talk->take_what_is_there();
                if (i % 3 == 0) talk->send_some(talk->sent() + 100'000);
                REQUIRE(talk->socket().shutdown_write());
            }
            for (Talk* talk : {&one, &other}) {
                talk->exchange(talk->sent());
                REQUIRE(talk->has_ended());
            }
        }
    });
}

TEST_CASE("bench peers: input that arrived before the server reads is echoed to the last byte") {
    for_each_peer([](const std::string& name) {
        const PeerServer server(name);
        Talk talk(server.connect());
        talk.exchange(16 * kMiB);  // now the system's buffers have their full size
        server.signal(SIGSTOP);
        talk.send_some(talk.sent() + 8 * kChunk);
        is_all_taken(talk.socket());
        server.signal(SIGCONT);
        talk.exchange(talk.sent());
    });
}

TEST_CASE("bench peers: 300 clients that do not read delay no other, and finally get everything") {
    const BenchFolder folder;
    for_each_peer([&](const std::string& name) {
        const PeerServer server(name, {"unix:" + folder.file(name + ".sock")});
        Talk other(server.connect());
        std::vector<Talk> stuck;
        for (std::size_t i = 1; i <= 300; ++i) stuck.emplace_back(server.connect(), i);
        // the buffers of the system are full after two rounds
        for (std::size_t round = 1; round <= 3; ++round) {
            for (Talk& each : stuck) each.send_some(kMiB);
            other.exchange(round * 50'000);
        }
        for (Talk& each : stuck) each.exchange(std::max(each.sent(), kMiB));
    });
}

TEST_CASE("bench peers: connections that are reset do no harm to another") {
    for_each_peer([](const std::string& name) {
        const PeerServer server(name);
        Talk other(server.connect(), 1);
        for (std::size_t i = 1; i <= 3; ++i) {
            Talk stuck(server.connect(), 2), answered(server.connect(), 3);
            stuck.send_until_stuck();
            answered.send_some(100'000);
            for (const Talk* talk : {&stuck, &answered}) talk->socket().reset_on_close();
            other.exchange(i * 10'000);
        }
        other.exchange(50'000);
    });
}

TEST_CASE("bench peers: the version of each peer's library is reported, or that it was not built") {
    std::map<std::string, std::string> told;
    for (const auto& [name, value] : bench::describe_environment()) told[name] = value;
    for (const auto& [library, peer] : {std::pair<std::string, std::string>{"libevent", "libevent"},
                                        {"asio", "asio"},
                                        {"liburing", "io-uring"}}) {
        const std::string version = told[library];
        CAPTURE(version);
        if (fs::exists(SWITCHBOARD_BIN "/" + peer)) {
            CHECK(std::regex_match(version, std::regex("[1-9][0-9]*([.][0-9]+)+(-[a-z0-9]+)?")));
        } else {
            CHECK(version == "not built");
        }
    }
}
