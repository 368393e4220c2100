// Each workload with the protocol that it needs, and with one that does not match.
#include <doctest/doctest.h>

#include <switchboard/callbacks.hpp>
#include <switchboard/http_registry.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/relay.hpp>
#include <switchboard/replies.hpp>
#include <switchboard/testing/memory.hpp>
#include <switchboard/websocket_registry.hpp>
#include <workload/message.hpp>
#include <workload/message_workload.hpp>

using namespace switchboard;
using namespace switchboard::bench;
using namespace std::chrono_literals;
using switchboard::testing::MemoryDriver;
using switchboard::testing::MemoryPeer;
using switchboard::testing::NetworkFaults;

namespace {

struct WorkloadBench {
    WorkloadBench(std::string_view name, const WorkloadOptions& options, const Pace& pace = {},
                  NetworkFaults weather = {})
        : load(pace, Clock::now),
          workload(*find_workload_kind(name)->make(options)),
          driver(weather) {}
    ~WorkloadBench() { load.stop(); }

    MemoryPeer& client(std::size_t number = 0) {
        return driver.connect(workload->client(load, number));
    }
    void serve(const ProtocolFactory& server, std::size_t connections,
               std::size_t window = 64 * 1024) {
        for (std::size_t i = 0; i < connections; ++i)
            driver.join(workload->client(load, i), server(), {}, window);
    }
    void turns(int count) {
        for (int i = 0; i < count; ++i) driver.turn();
    }
    std::size_t wrong() const {
        return load.tally().failures[static_cast<std::size_t>(Failure::wrong_bytes)];
    }

    Load load;
    std::unique_ptr<Workload> workload;
    MemoryDriver driver;  // destroyed first, because its clients use the load
};

struct Served {
    const char* workload;
    WorkloadOptions options;
    ProtocolFactory server;
};

// Made from the program's registry, as `switchboard serve` does.
ProtocolFactory registered(const std::string& name, const std::vector<std::string>& options = {}) {
    Registry registry;
    http::register_http(registry);
    websocket::register_websocket(registry);
    return *registry.make(name, *Options::parse(options), {});
}

std::vector<Served> all_served() {
    return {{"echo", {.size = 100}, factory_of<Echo>()},
            {"line", {.size = 100}, factory_of<LineEcho>()},
            {"line", {.size = 1}, factory_of<LineEcho>()},
            {"frame", {.size = 100}, factory_of<FrameEcho>()},
            {"frame", {.size = 4}, factory_of<FrameEcho>()},
            {"reply", {.size = 20, .reply = 1'000}, factory_of<Replier>()},
            {"reply", {.size = 200, .reply = 4}, factory_of<Replier>()},
            {"reply", {.size = 9, .reply = 9}, factory_of<Replier>()},
            {"http", {.size = 64}, registered("hello", {"size=64"})},
            {"http", {.size = 5'000}, registered("hello", {"size=5000"})},
            {"websocket", {.size = 1}, registered("websocket")},
            {"websocket", {.size = 125}, registered("websocket")},
            {"websocket", {.size = 126}, registered("websocket")},
            {"upload", {.size = 1'000}, factory_of<Discard>()},
            {"download", {.size = 1'000}, factory_of<Chargen>()}};
}

// Returns the correct reply of that workload to the first request of connection 0.
std::string right_reply(const MessageWorkload& workload) {
    const Message reply = workload.reply(0, 0);
    std::string text(reply.size(), '\0');
    for (std::size_t i = 0; i < text.size(); ++i) {
        for (int byte = 0; byte < 256; ++byte) {
            const std::byte tried{static_cast<unsigned char>(byte)};
            if (reply.matching(workload.pattern(), i, Bytes(&tried, 1)) == 1)
                text[i] = static_cast<char>(byte);
        }
    }
    return text;
}

}  // namespace

TEST_CASE("bench workloads: each is served by its protocol, whatever the network does") {
    for (const Served& served : all_served()) {
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            CAPTURE(served.workload);
            CAPTURE(served.options.size);
            CAPTURE(seed);
            WorkloadBench bench(
                served.workload, served.options, {.depth = seed},
                {.seed = seed, .short_reads = true, .short_writes = true, .reorder = true});
            bench.serve(served.server, 4, 2'000);
            bench.turns(500);
            CHECK(bench.load.decided() == 4);
            bench.load.start();
            bench.turns(1'000);
            CHECK(bench.load.tally().served == 4);
            CHECK(bench.load.tally().exchanges > 20);
            CHECK(bench.load.tally().failed == 0);
        }
    }
}

TEST_CASE("bench workloads: a wrong byte is detected at every position of the reply") {
    for (const char* const name : {"echo", "line", "frame", "reply"}) {
        CAPTURE(name);
        const WorkloadOptions options{.size = 12, .reply = 30};
        const std::string right = right_reply(
            dynamic_cast<const MessageWorkload&>(*WorkloadBench(name, options).workload));
        for (std::size_t i = 0; i <= right.size(); ++i) {
            WorkloadBench bench(name, options);
            auto& peer = bench.client();
            bench.driver.run();
            std::string reply = right;
            if (i < right.size()) reply[i] = static_cast<char>(reply[i] ^ 1);
            peer.send(reply.substr(0, i / 2)).send(reply.substr(i / 2));
            bench.driver.run();
            REQUIRE(bench.wrong() == (i < right.size() ? 1 : 0));
            REQUIRE(bench.load.tally().exchanges == (i < right.size() ? 0 : 1));
        }
    }
}

TEST_CASE("bench workloads: a wrong page is detected, and a wrong head before it") {
    const std::string right =
        "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 14\r\n\r\nHello, world!\n";
    for (const auto& [from, to] :
         std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                          {"200", "404"},
                                                          {"14", "13"},
                                                          {"14", "140"},
                                                          {"length", "langth"},
                                                          {"Hello", "Hallo"},
                                                          {"!\n", "!!"}}) {
        std::string reply = right;
        reply.replace(reply.find(from), from.size(), to);
        for (std::size_t split = 0; split <= reply.size(); ++split) {
            CAPTURE(reply);
            WorkloadBench bench("http", {.size = 14});
            auto& peer = bench.client();
            bench.driver.run();
            peer.send(reply.substr(0, split)).send(reply.substr(split));
            bench.driver.run();
            REQUIRE(bench.wrong() == (from.empty() ? 0 : 1));
            REQUIRE(bench.load.tally().exchanges == (from.empty() ? 1 : 0));
        }
    }
}

TEST_CASE("bench workloads: only the right answer opens a WebSocket") {
    const std::string right =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"", ""}, {"101 Switching", "200 Switching"}, {"s3pPLM", "S3pPLM"}}) {
        std::string answer = right;
        answer.replace(answer.find(from), from.size(), to);
        CAPTURE(answer);
        WorkloadBench bench("websocket", {.size = 14});
        auto& peer = bench.client();
        bench.driver.run();
        const std::size_t before = peer.received().size();
        peer.send(answer);
        bench.driver.run();
        CHECK(bench.wrong() == (from.empty() ? 0 : 1));
        CHECK((peer.received().size() > before) == from.empty());
    }
}

TEST_CASE("bench workloads: streams check each byte as well") {
    WorkloadBench down("download", {.size = 10});
    auto& sender = down.client();
    down.driver.run();
    sender.send(" !\"#$%&'()*+,-./0123456789:;<=>?@ABC");
    down.driver.run();
    CHECK(down.load.tally().answered == 1);
    CHECK(down.load.tally().exchanges == 3);
    down.load.start();
    sender.send("DEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n!\"#$");
    down.driver.run();
    CHECK(down.wrong() == 0);
    CHECK(down.load.tally().exchanges == 7);
    sender.send("%&(");
    down.driver.run();
    CHECK(down.wrong() == 1);

    WorkloadBench up("upload", {.size = 10});
    auto& reader = up.client();
    reader.set_window(100);
    up.driver.run();
    CHECK(reader.received().empty());  // not before the start
    up.load.start();
    up.driver.run();
    CHECK(reader.received().size() == 100);
    reader.send("?");
    up.driver.run();
    CHECK(up.wrong() == 1);
}

TEST_CASE("bench workloads: an upload continues at the speed of the server") {
    WorkloadBench bench("upload", {.size = 10'000});
    auto& peer = bench.client();
    peer.set_window(1'000);
    bench.load.start();
    std::size_t taken = 0;
    for (int i = 0; i < 1'000; ++i) {
        bench.driver.turn();
        taken += peer.take_received().size();
    }
    CHECK(taken > 500'000);
    CHECK(peer.queued() < 200'000);
    CHECK(bench.load.tally().exchanges * 10'000 == taken + peer.queued());
}

TEST_CASE("bench workloads: a line to the hub ends when all others have it") {
    WorkloadBench bench("fan-out", {.size = 50, .connections = 5}, {.depth = 3});
    const auto hub = make_hub([&](ConnectionId id) { return bench.driver.find(id); });
    bench.serve(hub, 5);
    bench.driver.run(100);
    CHECK(bench.load.decided() == 5);
    CHECK(bench.load.tally().exchanges == 1);
    bench.load.start();
    bench.turns(1'000);
    CHECK(bench.load.tally().served == 5);
    CHECK(bench.load.tally().exchanges > 100);
    CHECK(bench.load.tally().failed == 0);
}

TEST_CASE("bench workloads: a hub member that receives an unexpected line fails") {
    WorkloadBench bench("fan-out", {.size = 5, .connections = 2});
    auto& member = bench.client(0);
    auto& speaker = bench.client(1);
    bench.driver.run();
    const std::string said = speaker.take_received();
    CHECK(said.size() == 5);
    member.send(said);
    bench.driver.run();
    CHECK(bench.load.tally().exchanges == 1);
    member.send(said);  // sent twice
    bench.driver.run();
    CHECK(bench.wrong() == 1);
    speaker.send("x");
    bench.driver.run();
    CHECK(bench.wrong() == 2);
}

TEST_CASE("bench workloads: a stalled client sends half a request, and accepts half a reply") {
    WorkloadBench bench("stalled", {.size = 11}, {.depth = 0});
    auto& peer = bench.client();
    bench.driver.run();
    const std::string half = peer.take_received();
    CHECK(half.size() == 5);
    CHECK(bench.load.decided() == 1);
    peer.send(half);
    bench.load.start();
    bench.driver.run();
    CHECK(peer.received().empty());
    CHECK(bench.load.tally().failed == 0);
    peer.send("x");
    bench.driver.run();
    CHECK(bench.wrong() == 1);
}

TEST_CASE("bench workloads: an idle client sends nothing, and ignores what it receives") {
    WorkloadBench bench("idle", {}, {.depth = 0});
    auto& peer = bench.client();
    bench.driver.run();
    bench.load.start();
    peer.send("hello?");
    bench.driver.run();
    peer.send("anybody there?");
    bench.driver.run();
    CHECK(bench.load.decided() == 1);
    CHECK(peer.received().empty());
    CHECK(peer.unread() == 14);  // it does not read any more
    CHECK(bench.load.tally().failed == 0);
}

TEST_CASE("bench workloads: a slow reader reads now and then") {
    WorkloadBench bench("slow-reader", {.size = 100}, {.depth = 10});
    auto& peer = bench.client();
    bench.driver.run();
    peer.send(peer.take_received());
    bench.driver.run();
    bench.load.start();
    bench.driver.advance(50ms);
    const std::string ten = peer.take_received();
    CHECK(ten.size() == 1'000);
    peer.send(ten.substr(0, 100));
    bench.driver.run();
    CHECK(peer.unread() == 0);
    peer.send(ten.substr(100));
    bench.driver.run();
    CHECK(peer.unread() == 900);
    bench.driver.advance(49ms);
    CHECK(peer.unread() == 900);
    bench.driver.advance(1ms);
    CHECK(peer.unread() == 0);
    CHECK(bench.load.tally().failed == 0);
}

TEST_CASE("bench workloads: invalid sizes are refused") {
    const auto refused = [](std::string_view name, const WorkloadOptions& options) {
        const auto made = find_workload_kind(name)->make(options);
        return made ? std::string() : made.error().context();
    };
    CHECK(refused("echo", {.size = 0}) == "--size 0: must be 1 to 67108864");
    CHECK(refused("line", {.size = 8'193}) == "--size 8193: must be 1 to 8192");
    CHECK(refused("frame", {.size = 3}) == "--size 3: must be 4 to 524288");
    CHECK(refused("reply", {.size = 8}) == "--size 8: must be 9 to 524288");
    CHECK(refused("reply", {.size = 9, .reply = 3}) == "--reply 3: must be 4 to 67108864");
    CHECK(refused("upload", {.size = 0}) == "--size 0: must be 1 to 16777216");
    CHECK(refused("stalled", {.size = 1}) == "--size 1: must be 2 to 67108864");
    CHECK(refused("fan-out", {.size = 10, .connections = 1}) ==
          "workload fan-out requires at least two connections");
    CHECK(find_workload_kind("nothing") == nullptr);
}

TEST_CASE("bench message: each byte can be checked, from any offset") {
    const Pattern pattern(16);
    Message message{.position = 65'515, .body = 100, .period = 7, .ends_line = true};
    message.add_to_head(0x01020304);
    std::string whole("\1\2\3\4");
    for (std::size_t i = 0; i < 100; ++i)
        whole += static_cast<char>(pattern.at(65'515 + i % 7, 1)[0]);
    whole += '\n';
    CHECK(message.size() == whole.size());
    for (std::size_t from = 0; from < whole.size(); ++from) {
        for (std::size_t size = 1; from + size <= whole.size(); ++size)
            REQUIRE(message.matching(pattern, from, as_bytes(whole.substr(from, size))) == size);
    }
    CHECK(message.matching(pattern, 0, as_bytes(whole + "more")) == whole.size());
    whole[50] = static_cast<char>(whole[50] ^ 4);
    CHECK(message.matching(pattern, 0, as_bytes(whole)) <= 50);
}
