#include <memory_resource>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Counts what it lends, and what comes back.
class Counting final : public std::pmr::memory_resource {
public:
    std::size_t lent = 0, most = 0, calls = 0;

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        ++calls;
        most = std::max(most, lent += bytes);
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override {
        lent -= bytes;
        std::pmr::new_delete_resource()->deallocate(at, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }
};

}  // namespace

TEST_CASE("reactor memory: connections, queues and tails lie in the resource, and go back to it") {
    constexpr std::size_t kQueued = 512 * 1024, kTail = 100'000;
    Counting memory;
    {
        Reactor reactor({.memory = &memory});
        const std::vector<std::byte> reply(kQueued, std::byte{'r'});
        const Listening listening = listen_on(
            reactor, callbacks([&] {
                return Callbacks{.on_data = [&](Connection& c, MutableBytes in) -> std::size_t {
                    CHECK(c.memory() == &memory);
                    if (in.size() < kTail) return 0;
                    c.write(reply);
                    return in.size();
                }};
            }));
        const std::size_t before = memory.lent;
        FarEnd client(listening.local);
        const std::string request(kTail, 'q');
        std::size_t sent = client.send(std::string_view(request).substr(0, kTail - 1));
        run_until(reactor, [&] {
            sent += client.send(std::string_view(request).substr(sent, kTail - 1 - sent));
            return reactor.stats().bytes_in == kTail - 1;
        });
        CHECK(memory.lent >= before + kTail - 1);
        const std::size_t with_tail = memory.lent;
        client.send("q");
        run_until(reactor, [&] { return reactor.stats().bytes_in == kTail; });
        CHECK(memory.most >= with_tail);
        client.read_until(reactor, kQueued);
        CHECK(client.received.size() == kQueued);
        const std::size_t calls = memory.calls;
        CHECK(calls > 0);
    }
    CHECK(memory.lent == 0);
}

TEST_CASE("reactor memory: an echo allocates nothing, and an idle connection keeps nothing else") {
    Counting memory;
    {
        Reactor reactor({.memory = &memory});
        const Listening listening = listen_on(reactor, echo_factory());
        FarEnd client(listening.local);
        client.send("hello");
        client.read_until(reactor, 5);
        const std::size_t calls = memory.calls;
        for (std::size_t i = 2; i <= 100; ++i) {
            client.send("hello");
            client.read_until(reactor, 5 * i);
        }
        CHECK(memory.calls == calls);
    }
    CHECK(memory.lent == 0);
}
