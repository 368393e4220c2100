// The hub in memory: lines from one member go to all others.
#include <doctest/doctest.h>

#include <counting_memory.hpp>
#include <memory_resource>
#include <sstream>
#include <switchboard/reactor.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/relay.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

using namespace switchboard;
using testing::MemoryDriver;
using testing::MemoryPeer;

namespace {

struct Room {
    explicit Room(testing::NetworkFaults weather = {}) : driver(weather) {}

    MemoryPeer& join() {
        MemoryPeer& peer = driver.connect(hub);
        driver.run();
        return peer;
    }

    MemoryDriver driver;
    std::size_t searches = 0;
    ProtocolFactory hub = make_hub([this](ConnectionId id) {
        ++searches;
        return driver.find(id);
    });
};

// Replaces the memory resource from which the in-memory driver allocates its queues.
class DefaultResource {
public:
    explicit DefaultResource(std::pmr::memory_resource& resource)
        : before_(std::pmr::set_default_resource(&resource)) {}
    DefaultResource(const DefaultResource&) = delete;
    DefaultResource& operator=(const DefaultResource&) = delete;
    ~DefaultResource() { std::pmr::set_default_resource(before_); }

private:
    std::pmr::memory_resource* before_;
};

}  // namespace

TEST_CASE("hub: a line goes to all others and not back") {
    Room room;
    MemoryPeer& ann = room.join();
    MemoryPeer& bob = room.join();
    MemoryPeer& eve = room.join();
    ann.send("hello\n");
    bob.send("hi\r\nthere");
    room.driver.run();
    bob.send("!\n\n");
    room.driver.run();
    CHECK(ann.received() == "hi\nthere!\n\n");
    CHECK(bob.received() == "hello\n");
    CHECK(eve.received() == "hello\nhi\nthere!\n\n");
}

TEST_CASE("hub: a line allocates nothing for members that have received one before") {
    test::CountingMemory memory;
    const DefaultResource counted(memory);
    Room room;
    MemoryPeer& ann = room.join();
    for (int i = 0; i < 5; ++i) room.join();
    const auto say = [&] {
        const std::size_t calls = memory.calls;
        ann.send("hello\n");
        room.driver.run();
        return memory.calls - calls;
    };
    CHECK(say() <= 5);  // one per member
    const std::size_t lent = memory.lent;
    for (int i = 0; i < 100; ++i) CHECK(say() == 0);
    CHECK(memory.lent == lent);
}

TEST_CASE("hub: any of three members may leave, and the others still receive lines") {
    for (std::size_t leaver = 0; leaver < 3; ++leaver) {
        CAPTURE(leaver);
        Room room;
        MemoryPeer* const members[] = {&room.join(), &room.join(), &room.join()};
        members[leaver]->shutdown_write();
        room.driver.run();
        MemoryPeer& fourth = room.join();
        fourth.send("anyone?\n");
        room.driver.run();
        for (std::size_t i = 0; i < 3; ++i)
            CHECK(members[i]->received() == (i == leaver ? "" : "anyone?\n"));
    }
}

TEST_CASE("hub: members that leave get no more lines, and new ones get only later lines") {
    Room room;
    MemoryPeer& ann = room.join();
    MemoryPeer& bob = room.join();
    bob.send("bye\n").shutdown_write();
    room.driver.run();
    CHECK(bob.closed());
    MemoryPeer& eve = room.join();
    room.searches = 0;
    ann.send("anyone?\n");
    room.driver.run();
    CHECK(room.searches == 1);  // bob is forgotten
    CHECK(ann.received() == "bye\n");
    CHECK(bob.received().empty());
    CHECK(eve.received() == "anyone?\n");
    eve.send("cut off").shutdown_write();
    room.driver.run();
    CHECK(eve.close_reason() == make_error_code(errc::incomplete_message));
    CHECK(ann.received() == "bye\n");
}

TEST_CASE("hub: a member that does not read delays no other, and is aborted at max_write_buffer") {
    Room room;
    MemoryPeer& ann = room.join();
    MemoryPeer& slow = room.join();
    MemoryPeer& eve = room.join();
    slow.set_window(0);
    const std::string line = std::string(8191, 'x') + "\n";
    std::size_t lines = 0;
    for (; !slow.closed(); ++lines) {
        REQUIRE(slow.queued() <= 1024 * 1024);
        ann.send(line);
        room.driver.run();
        REQUIRE(lines < 200);
    }
    CHECK(lines == 127);  // 128 of them are 1 MiB
    CHECK(slow.close_reason() == make_error_code(errc::write_queue_full));
    CHECK(slow.saw_reset());
    CHECK(eve.received().size() == lines * line.size());
    ann.send("on we go\n");
    room.driver.run();
    CHECK(eve.received().ends_with("x\non we go\n"));
}

TEST_CASE("hub: a read of short lines is one write to each member") {
    Room room;
    MemoryPeer& ann = room.join();
    MemoryPeer& bob = room.join();
    MemoryPeer& eve = room.join();
    room.searches = 0;
    ann.send(std::string(16 * 1024, '\n') + "a\r\n\r\nb\r");
    room.driver.run();
    CHECK(bob.received() == std::string(16 * 1024, '\n') + "a\n\n");
    CHECK(eve.received() == bob.received());
    CHECK(room.searches == 2);
    ann.send("\n");
    room.driver.run();
    CHECK(bob.received().ends_with("a\n\nb\n"));
}

TEST_CASE("hub: short lines to members that do not read take bounded memory") {
    test::CountingMemory memory;
    {
        const DefaultResource use(memory);
        Room room;
        MemoryPeer& ann = room.join();
        constexpr std::size_t kMembers = 20;
        std::vector<MemoryPeer*> slow;
        for (std::size_t i = 0; i < kMembers; ++i) slow.push_back(&room.join());
        for (MemoryPeer* const peer : slow) peer->set_window(0);
        const std::size_t before = memory.lent;
        for (int i = 0; i < 2'000; ++i) {
            ann.send("\n");
            room.driver.run();
        }
        for (MemoryPeer* const peer : slow) CHECK(peer->queued() == 2'000);
        CHECK(memory.most - before < kMembers * 8 * 1024);
    }
    CHECK(memory.lent == 0);
}

TEST_CASE("hub: lines before one that is too long are sent") {
    Room room;
    MemoryPeer& ann = room.join();
    MemoryPeer& bob = room.join();
    ann.send("one\ntwo\n" + std::string(8193, 'x') + "\nthree\n");
    room.driver.run();
    CHECK(ann.close_reason() == make_error_code(errc::message_too_large));
    CHECK(bob.received() == "one\ntwo\n");
}

TEST_CASE("hub: a line that is too long costs only its sender") {
    Room room;
    MemoryPeer& ann = room.join();
    MemoryPeer& bob = room.join();
    ann.send("fine\n" + std::string(8193, 'x') + "\n");
    room.driver.run();
    CHECK(ann.close_reason() == make_error_code(errc::message_too_large));
    CHECK(bob.received() == "fine\n");
    CHECK_FALSE(bob.closed());
}

TEST_CASE("hub: lines stay whole and in order under all simulated faults") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        Room room({.seed = seed, .short_reads = true, .short_writes = true, .reorder = true});
        MemoryPeer* const members[] = {&room.join(), &room.join(), &room.join()};
        MemoryPeer& listener = room.join();
        for (int i = 0; i < 50; ++i) {
            for (int m = 0; m < 3; ++m) {
                members[m]->send(std::string(1, "abc"[m]) + " " + std::to_string(i) + "\n");
            }
        }
        room.driver.run();
        std::istringstream heard(listener.received());
        int next[3] = {};
        char name = 0;
        for (int number = 0; heard >> name >> number;) REQUIRE(number == next[name - 'a']++);
        for (const int count : next) CHECK(count == 50);
        CHECK(members[0]->received().size() * 3 == listener.received().size() * 2);
    }
}

TEST_CASE("hub: conforms") {
    const auto alone = make_hub([](ConnectionId) { return nullptr; });
    CHECK(testing::check_deliveries(alone, "one\ntwo\r\nthree\n").empty());
    CHECK(testing::check_robustness(alone, 64).empty());
}

TEST_CASE("relay and hub are registered, with their requirements") {
    Registry registry;
    register_relay(registry);
    REQUIRE(registry.find("hub"));
    REQUIRE(registry.find("relay"));
    REQUIRE(registry.find("relay")->options.size() == 1);
    CHECK(registry.find("relay")->options[0].usage() == "target=ENDPOINT");
    const auto error = [&](std::string_view name, Options::Map options, Reactor* reactor) {
        const auto made = registry.make(name, Options(std::move(options)), {reactor, {}});
        return made ? Error(std::error_code()) : made.error();
    };
    Reactor reactor;
    CHECK(error("hub", {}, nullptr) == errc::needs_reactor);
    CHECK(error("relay", {{"target", "127.0.0.1:1"}}, nullptr) == errc::needs_reactor);
    CHECK(error("relay", {}, &reactor) == errc::bad_option);
    CHECK(error("relay", {}, &reactor).message().find("target=ENDPOINT") != std::string::npos);
    CHECK(error("relay", {{"target", "nonsense"}}, &reactor) == errc::bad_endpoint);
    CHECK(error("relay", {{"target", "127.0.0.1:1"}, {"x", "y"}}, &reactor) == errc::bad_option);
    CHECK(error("hub", {{"target", "127.0.0.1:1"}}, &reactor) == errc::bad_option);
    CHECK(registry.make("relay", Options(Options::Map{{"target", ":1"}}), {&reactor, {}}));
    CHECK(registry.make("hub", {}, {&reactor, {}}));
}
