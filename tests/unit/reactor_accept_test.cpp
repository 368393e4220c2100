// Accept control: who is let in, who is told goodbye, and that those who are served do not pay for it.
#include <algorithm>
#include <list>
#include <optional>
#include <vector>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// From another of the loopback addresses.
FarEnd from(const char* address, const Endpoint& to) {
    Socket socket(::socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(socket);
    const auto source = Endpoint::tcp(address, 0).addresses().value().front();
    const auto target = to.addresses().value().front();
    REQUIRE(::bind(socket.fd(), source.data(), source.size()) == 0);
    REQUIRE(::connect(socket.fd(), target.data(), target.size()) == 0);
    return FarEnd(std::move(socket));
}

void check_served(Reactor& reactor, FarEnd& client) {
    client.received.clear();
    client.send("hello");
    client.read_until(reactor, 5);
    CHECK(client.received == "hello");
}

// A server that has room for one, and that one.
struct FullServer {
    explicit FullServer(std::string goodbye) {
        ListenOptions options;
        options.limits.max_connections = 1;
        options.goodbye = std::move(goodbye);
        listening = listen_on(reactor, echo_factory(), options);
        served.emplace(listening.local);
        run_until(reactor, [&] { return reactor.stats().accepted == 1; });
    }
    Reactor reactor;
    Listening listening;
    std::optional<FarEnd> served;
};

}  // namespace

TEST_CASE("accept: a paused listener lets nobody in, and who waited is served after it") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd first(listening.local);
    check_served(reactor, first);
    reactor.pause_accepting(listening.id);
    reactor.pause_accepting(listening.id);
    FarEnd second(listening.local);
    second.send("hello");
    run_for(reactor, 20ms);
    CHECK(reactor.stats().accepted == 1);
    check_served(reactor, first);
    reactor.resume_accepting(listening.id);
    second.read_until(reactor, 5);
    CHECK(second.received == "hello");
    reactor.pause_accepting(ListenerId{});  // names nothing
    reactor.close(listening.id);
    reactor.resume_accepting(listening.id);
}

TEST_CASE("accept: a wake takes one connection, and twice as many while more wait than it took") {
    Reactor reactor;
    ListenOptions options;
    options.limits.accepts_per_wake = 4;
    const Listening listening = listen_on(reactor, echo_factory(), options);
    const auto accepted = [&] {
        REQUIRE(reactor.run_ready());
        return reactor.stats().accepted;
    };
    std::list<FarEnd> clients;
    for (int i = 0; i < 13; ++i) clients.emplace_back(listening.local);
    std::vector<std::uint64_t> turns;
    while (turns.empty() || turns.back() < clients.size()) turns.push_back(accepted());
    turns.erase(turns.begin(), std::find(turns.begin(), turns.end(), 1));
    CHECK(turns == std::vector<std::uint64_t>{1, 3, 7, 11, 13});
    clients.emplace_back(listening.local);
    clients.emplace_back(listening.local);
    CHECK(accepted() == 14);
    CHECK(accepted() == 15);
}

TEST_CASE("accept: a handler that pauses its listener has no one more let in in that turn") {
    Reactor reactor;
    Listening listening;
    listening = listen_on(reactor, callbacks([&] {
                              return Callbacks{.on_open = [&](Connection&) {
                                  reactor.pause_accepting(listening.id);
                              }};
                          }));
    const FarEnd first(listening.local), second(listening.local);
    run_until(reactor, [&] { return reactor.stats().accepted == 1; });
    run_for(reactor, 20ms);
    CHECK(reactor.stats().accepted == 1);
    reactor.resume_accepting(listening.id);
    run_until(reactor, [&] { return reactor.stats().accepted == 2; });
}

TEST_CASE(
    "accept: past max_connections the next hears goodbye, though it had sent, and is closed") {
    FullServer full("full, come again\n");
    FarEnd refused(full.listening.local);
    refused.send("let me in");
    refused.read_to_end(full.reactor);
    CHECK(refused.received == "full, come again\n");
    CHECK(refused.eof);
    check_served(full.reactor, *full.served);
    const ReactorStats stats = full.reactor.stats();
    CHECK(stats.accepted == 1);
    CHECK(stats.refused == 1);
    CHECK(stats.refused_full == 1);
    CHECK(stats.told_goodbye == 1);
}

TEST_CASE("accept: goodbyes are few at a time and short, and what is past them is closed at once") {
    FullServer full("full\n");
    Reactor& reactor = full.reactor;
    std::vector<FarEnd> stubborn;  // they never end
    for (int i = 0; i < 20; ++i) stubborn.emplace_back(full.listening.local);
    run_until(reactor, [&] { return reactor.stats().refused == 20; });
    CHECK(reactor.stats().told_goodbye == 16);
    CHECK(reactor.stats().open == 17);
    run_until(reactor, [&] { return reactor.stats().open == 1; });  // after a second
    check_served(reactor, *full.served);
}

TEST_CASE("accept: an address has max_per_address, others have theirs, and who leaves makes room") {
    Reactor reactor;
    ListenOptions options;
    options.max_per_address = 2;
    options.goodbye = "enough\n";
    const Listening listening = listen_on(reactor, echo_factory(), options);
    FarEnd first = from("127.0.0.1", listening.local), second = from("127.0.0.1", listening.local);
    FarEnd third = from("127.0.0.1", listening.local), other = from("127.0.0.2", listening.local);
    third.read_to_end(reactor);
    CHECK(third.received == "enough\n");
    for (FarEnd* client : {&first, &second, &other}) check_served(reactor, *client);
    CHECK(reactor.stats().refused_address == 1);
    first.socket.close();
    run_until(reactor, [&] { return reactor.stats().closed == 2; });  // and the one told goodbye
    FarEnd again = from("127.0.0.1", listening.local);
    check_served(reactor, again);
}

TEST_CASE("accept: accepts_per_second spreads them, and nobody is refused") {
    Reactor reactor;
    ListenOptions options;
    options.accepts_per_second = 100;
    const Listening listening = listen_on(reactor, echo_factory(), options);
    std::vector<FarEnd> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(listening.local);
    const auto start = Clock::now();
    run_until(reactor, [&] { return reactor.stats().accepted >= 10; });
    CHECK(reactor.stats().accepted < 20);
    run_until(reactor, [&] { return reactor.stats().accepted == 20; });
    CHECK(Clock::now() - start > 90ms);  // ten more, 10 ms each, less what had begun
    for (FarEnd& client : clients) check_served(reactor, client);
    CHECK(reactor.stats().refused == 0);
}

TEST_CASE("accept: a drain neither counts nor loses those who hear goodbye, nor does a close") {
    FullServer full("full\n");
    Reactor& reactor = full.reactor;
    const FarEnd refused(full.listening.local);
    run_until(reactor, [&] { return reactor.stats().told_goodbye == 1; });
    CHECK(reactor.stats().goodbyes == 1);
    reactor.close(full.listening.id);
    std::size_t aborted = 99;
    reactor.drain(0ms, [&](std::size_t count) { aborted = count; });
    run_until(reactor, [&] { return aborted != 99; });
    CHECK(aborted == 1);
    CHECK(reactor.stats().goodbyes == 0);
    CHECK_FALSE(reactor.run_ready());
}

TEST_CASE("accept: a listener that waits for its rate can be closed and destroyed") {
    for (const bool closes : {true, false}) {
        Reactor reactor;
        ListenOptions options;
        options.accepts_per_second = 1;
        const Listening listening = listen_on(reactor, echo_factory(), options);
        const FarEnd first(listening.local), second(listening.local);
        run_until(reactor, [&] { return reactor.stats().accepted == 1; });
        run_for(reactor, 5ms);
        reactor.pause_accepting(listening.id);
        reactor.resume_accepting(listening.id);
        run_for(reactor, 5ms);
        CHECK(reactor.stats().accepted == 1);
        if (closes) reactor.close(listening.id);
    }
}
