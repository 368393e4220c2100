// A host that forks while it has a reactor.
#include <stdexcept>
#include <switchboard/embed.hpp>

#include "child.hpp"
#include "descriptors.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

template <class Call>
std::string refusal(Call call) {
    try {
        call();
    } catch (const std::logic_error& e) {
        return e.what();
    }
    return "done";
}

}  // namespace

TEST_CASE("reactor fork: calls in a child are refused, and the parent goes on") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    client.send("before");
    client.read_until(reactor, 6);
    const std::string told = in_child([&] {
        return refusal([&] { reactor.run(); }) + "\n" + refusal([&] { run_ready(reactor); }) +
               "\n" + reactor.listen(listening.local, echo_factory()).error().message() + "\n" +
               reactor.connect(listening.local, echo_factory()()).error().message() + "\n";
    });
    const std::string run = "run: this reactor belongs to process " + std::to_string(::getpid()) +
                            "; a child forked from it may only destroy it, exec or exit\n";
    const std::string other = ": the reactor belongs to the parent process\n";
    const std::string at = listening.local.to_string();
    CHECK(told == run + run + "listen " + at + other + "connect " + at + other);
    client.send(", after");
    client.read_until(reactor, 13);
    CHECK(client.received == "before, after");
}

// Parent and child share the epoll set and the sockets. What the child closes must not make the parent miss
// an event.
TEST_CASE(
    "reactor fork: destruction in a child does not affect the parent's, and calls no callback") {
    int closed = 0;
    auto reactor = std::make_unique<Reactor>();
    const Listening listening = listen_on(*reactor, callbacks([&] {
        return Callbacks{.on_data = echo_back, .on_close = [&](std::error_code) { ++closed; }};
    }));
    FarEnd client(listening.local);
    client.send("before");
    client.read_until(*reactor, 6);
    bool rang = false;
    reactor->after(1ms, [&] { rang = true; });
    const std::size_t descriptors = count_descriptors();
    const std::string left = in_child([&] {
        reactor.reset();
        return std::string(closed > 0 ? "told" : "quiet") + " " +
               std::to_string(descriptors - count_descriptors());
    });
    // Descriptors of the loop, the listener and the connection.
    CHECK(left.starts_with("quiet "));
    CHECK(std::stoi(left.substr(6)) >= 4);
    run_until(*reactor, [&] { return rang; });
    client.send(", after");
    client.read_until(*reactor, 13);
    CHECK(client.received == "before, after");
    FarEnd another(listening.local);
    another.send("new");
    another.read_until(*reactor, 3);
    CHECK(another.received == "new");
    CHECK(closed == 0);
}
