// Accept control: which connections are accepted, which get the reject message, and that this does not slow
// down the accepted ones.
#include <algorithm>
#include <list>
#include <optional>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_stats.hpp>
#include <vector>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Connects from the loopback address `address`.
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

// A server with room for one connection, and that connection.
struct FullServer {
    explicit FullServer(std::string reject_message) {
        ListenOptions options;
        options.server.max_connections = 1;
        options.reject_message = std::move(reject_message);
        listening = listen_on(reactor, echo_factory(), options);
        served.emplace(listening.local);
        run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
    }
    Reactor reactor;
    Listening listening;
    std::optional<FarEnd> served;
};

}  // namespace

TEST_CASE("accept: the open connections are counted where the options say") {
    std::atomic<std::size_t> count = 0;
    Reactor reactor;
    ListenOptions options;
    options.count = &count;
    options.server.max_connections = 2;
    const Listening listening = listen_on(reactor, echo_factory(), options);
    FarEnd first(listening.local);
    check_served(reactor, first);
    CHECK(count == 1);
    FarEnd second(listening.local);
    check_served(reactor, second);
    CHECK(count == 2);
    const FarEnd refused(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).refused == 1; });
    CHECK(count == 2);
    first.socket.close();
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    CHECK(count == 1);
}

TEST_CASE(
    "accept: a paused listener accepts nothing, and waiting connections are served afterwards") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd first(listening.local);
    check_served(reactor, first);
    pause_accepting(reactor, listening.id);
    pause_accepting(reactor, listening.id);
    FarEnd second(listening.local);
    second.send("hello");
    run_for(reactor, 20ms);
    CHECK(collect_stats(reactor).accepted == 1);
    check_served(reactor, first);
    resume_accepting(reactor, listening.id);
    second.read_until(reactor, 5);
    CHECK(second.received == "hello");
    pause_accepting(reactor, ListenerId{});  // an id of no listener
    reactor.close(listening.id);
    resume_accepting(reactor, listening.id);
}

TEST_CASE(
    "accept: a wake accepts one connection, and the next turns twice as many while more wait") {
    Reactor reactor;
    ListenOptions options;
    options.server.max_accepts_per_turn = 4;
    const Listening listening = listen_on(reactor, echo_factory(), options);
    const auto accepted = [&] {
        REQUIRE(run_ready(reactor));
        return collect_stats(reactor).accepted;
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

TEST_CASE("accept: after a handler pauses its listener, no more is accepted in that turn") {
    Reactor reactor;
    Listening listening;
    listening = listen_on(reactor, callbacks([&] {
                              return Callbacks{.on_open = [&](Connection&) {
                                  pause_accepting(reactor, listening.id);
                              }};
                          }));
    const FarEnd first(listening.local), second(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
    run_for(reactor, 20ms);
    CHECK(collect_stats(reactor).accepted == 1);
    resume_accepting(reactor, listening.id);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 2; });
}

TEST_CASE(
    "accept: above max_connections a client gets the reject message, even if it has sent data") {
    FullServer full("full, come again\n");
    FarEnd refused(full.listening.local);
    refused.send("let me in");
    refused.read_to_end(full.reactor);
    CHECK(refused.received == "full, come again\n");
    CHECK(refused.eof);
    check_served(full.reactor, *full.served);
    const ReactorStats stats = collect_stats(full.reactor);
    CHECK(stats.accepted == 1);
    CHECK(stats.refused == 1);
    CHECK(stats.refused_max_connections == 1);
    CHECK(stats.rejected_with_message == 1);
}

TEST_CASE("accept: few clients at a time get the reject message, and others are closed at once") {
    FullServer full("full\n");
    Reactor& reactor = full.reactor;
    std::vector<FarEnd> stubborn;  // these never close
    for (int i = 0; i < 20; ++i) stubborn.emplace_back(full.listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).refused == 20; });
    CHECK(collect_stats(reactor).rejected_with_message == 16);
    CHECK(collect_stats(reactor).open == 17);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });  // takes a second
    check_served(reactor, *full.served);
}

TEST_CASE("accept: max_per_address applies to each address, and leaving makes room") {
    Reactor reactor;
    ListenOptions options;
    options.server.max_per_address = 2;
    options.reject_message = "enough\n";
    const Listening listening = listen_on(reactor, echo_factory(), options);
    FarEnd first = from("127.0.0.1", listening.local), second = from("127.0.0.1", listening.local);
    FarEnd third = from("127.0.0.1", listening.local), other = from("127.0.0.2", listening.local);
    third.read_to_end(reactor);
    CHECK(third.received == "enough\n");
    for (FarEnd* client : {&first, &second, &other}) check_served(reactor, *client);
    CHECK(collect_stats(reactor).refused_per_address == 1);
    first.socket.close();
    run_until(reactor,
              [&] { return collect_stats(reactor).closed == 2; });  // also the rejected one
    FarEnd again = from("127.0.0.1", listening.local);
    check_served(reactor, again);
}

TEST_CASE("accept: accepts_per_second spreads the accepts, and refuses none") {
    Reactor reactor;
    ListenOptions options;
    options.server.accepts_per_second = 100;
    const Listening listening = listen_on(reactor, echo_factory(), options);
    std::vector<FarEnd> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(listening.local);
    const auto start = Clock::now();
    run_until(reactor, [&] { return collect_stats(reactor).accepted >= 10; });
    CHECK(collect_stats(reactor).accepted < 20);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 20; });
    CHECK(Clock::now() - start > 90ms);  // ten more, 10 ms each, minus the interval that had begun
    for (FarEnd& client : clients) check_served(reactor, client);
    CHECK(collect_stats(reactor).refused == 0);
}

TEST_CASE(
    "accept: a drain and a close do not count or lose connections that get the reject message") {
    FullServer full("full\n");
    Reactor& reactor = full.reactor;
    const FarEnd refused(full.listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).rejected_with_message == 1; });
    CHECK(collect_stats(reactor).rejecting == 1);
    reactor.close(full.listening.id);
    std::size_t aborted = 99;
    reactor.drain(0ms, [&](std::size_t count) { aborted = count; });
    run_until(reactor, [&] { return aborted != 99; });
    CHECK(aborted == 1);
    CHECK(collect_stats(reactor).rejecting == 0);
    CHECK_FALSE(run_ready(reactor));
}

TEST_CASE("accept: a listener that waits for its rate can be closed and destroyed") {
    for (const bool closes : {true, false}) {
        Reactor reactor;
        ListenOptions options;
        options.server.accepts_per_second = 1;
        const Listening listening = listen_on(reactor, echo_factory(), options);
        const FarEnd first(listening.local), second(listening.local);
        run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
        run_for(reactor, 5ms);
        pause_accepting(reactor, listening.id);
        resume_accepting(reactor, listening.id);
        run_for(reactor, 5ms);
        CHECK(collect_stats(reactor).accepted == 1);
        if (closes) reactor.close(listening.id);
    }
}
