#include <switchboard/live_handle.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/takeover.hpp>

#include <sys/stat.h>
#include <unistd.h>
#include <future>

#include "descriptors.hpp"
#include "net/fd_passing.hpp"
#include "system.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Stands for the old process: a reactor on its own thread, which drains after the takeover.
class Old {
public:
    explicit Old(const Endpoint& path, Socket path_socket = {}) : path_(path) {
        options_.path_socket = std::move(path_socket);
        options_.taken = [this](const PeerCredentials& who) {
            ++taken;
            credentials = who;
            reactor.drain(10s, {});
        };
    }
    ~Old() {
        if (!thread_.joinable()) return;
        reactor.post([this] { reactor.drain(0ms, {}); });
        thread_.join();
    }

    // Call it before start().
    Endpoint serve(const std::string& name, const std::string& answer) {
        const auto listening = listen_on(reactor, callbacks([answer] {
                                             return Callbacks{.on_open = [answer](Connection& c) {
                                                 c.write(answer);
                                                 c.close();
                                             }};
                                         }));
        options_.sockets.push_back({name, share(reactor, listening.id).value()});
        return listening.local;
    }
    void offers(NamedSocket socket) { options_.sockets.push_back(std::move(socket)); }
    Result<Listening> start() {
        auto offered = offer_takeover(reactor, path_, std::move(options_));
        thread_ = std::thread([this] { reactor.run(); });
        return offered;
    }
    // Waits until it has drained.
    void wait() { thread_.join(); }

    Reactor reactor;
    int taken = 0;  // read it only after wait()
    PeerCredentials credentials{};

private:
    const Endpoint path_;
    TakeoverOptions options_;
    std::thread thread_;
};

Takeover take(const Endpoint& path) {
    auto begun = Takeover::begin(path, 10s);
    REQUIRE_MESSAGE(begun.has_value(), begun.error().message());
    REQUIRE(begun->has_value());
    return std::move(**begun);
}

std::string hear(const Endpoint& at) {
    return receive_all(connect(at, 5s).value());
}

// A server that sends `text` to one client, and waits for the client's end if `stays` is set.
struct Stranger {
    Stranger(const Endpoint& at, std::string text, bool stays)
        : listener(listen(at).value()), thread([this, text = std::move(text), stays] {
              const Socket peer = listener.accept().value();
              static_cast<void>(peer.send_all(as_bytes(text)));
              std::array<std::byte, 64> in{};
              while (stays && peer.receive(in).value_or(std::size_t{0}) > 0) continue;
          }) {}
    ~Stranger() { thread.join(); }
    Socket listener;
    std::thread thread;
};

struct Place {
    const TempDir folder;
    const Endpoint path = Endpoint::unix_path(folder / "takeover");
};

}  // namespace

TEST_SUITE_BEGIN("" * doctest::skip(!system_tells_peer()));

TEST_CASE("takeover: is empty at an unused path, and at a path that a dead process left") {
    const Place place;
    const auto nobody = Takeover::begin(place.path);
    REQUIRE(nobody);
    CHECK_FALSE(nobody->has_value());
    listen(place.path).value().close();  // the path remains
    const auto left = Takeover::begin(place.path);
    REQUIRE(left);
    CHECK_FALSE(left->has_value());
    Old old(place.path);  // may use the path
    CHECK(old.start());
    CHECK(take(place.path).sockets.empty());
}

TEST_CASE("takeover: the sockets come by name and in order, and are not inherited") {
    const Place place;
    Old old(place.path);
    const std::vector<Endpoint> at = {old.serve("one", "1"), old.serve("two words", "2"),
                                      old.serve("", "3")};
    REQUIRE(old.start());
    const Takeover taken = take(place.path);
    REQUIRE(taken.sockets.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(taken.sockets[i].name == std::vector<std::string>{"one", "two words", ""}[i]);
        CHECK(taken.sockets[i].socket.local()->to_string() == at[i].to_string());
        CHECK(is_close_on_exec(taken.sockets[i].socket.fd()));
    }
    CHECK(is_close_on_exec(taken.path_socket.fd()));
    CHECK(taken.path_socket.local()->to_string() == place.path.to_string());
    CHECK(hear(at[1]) == "2");  // before ready(), the old process serves
}

TEST_CASE("takeover: connections that wait in the queue are served by the new process") {
    const Place place;
    Old old(place.path);
    // The old process does not accept, so the connection waits for the new one.
    const auto listening = listen_on(old.reactor, echo_factory());
    pause_accepting(old.reactor, listening.id);
    TakeoverOptions options;
    options.sockets.push_back({"echo", share(old.reactor, listening.id).value()});
    bool drained = false;
    options.taken = [&](const PeerCredentials&) {
        old.reactor.drain(10s, [&](std::size_t) { drained = true; });
    };
    REQUIRE(offer_takeover(old.reactor, place.path, std::move(options)));
    std::thread thread([&] { old.reactor.run(); });
    const Socket waiting = connect(listening.local, 5s).value();
    REQUIRE(waiting.send_all(as_bytes("hello")));

    Takeover taken = take(place.path);
    Reactor reactor;
    const auto at = Endpoint::descriptor(taken.sockets.front().socket.release());
    REQUIRE(reactor.listen(at, echo_factory()));
    CHECK(taken.ready());
    thread.join();
    CHECK(drained);
    FarEnd client(Socket(::dup(waiting.fd())));
    client.read_until(reactor, 5);
    CHECK(client.received == "hello");
    CHECK(collect_stats(reactor).accepted == 1);
}

TEST_CASE("takeover: the old process learns once which process took over, and keeps nothing open") {
    const Place place;
    const std::size_t before = count_descriptors();
    Takeover taken = [&] {
        Old old(place.path);
        old.serve("one", "1");
        REQUIRE(old.start());
        Takeover begun = take(place.path);
        REQUIRE(begun.ready());
        old.wait();
        CHECK(old.taken == 1);
        const bool told = old.credentials.pid > 0;  // not known on every system
        CHECK((!told || old.credentials.pid == ::getpid()));
        CHECK(old.credentials.uid == ::geteuid());
        CHECK(active_handles(old.reactor).empty());
        // The socket, the path and the conversation are open, and the descriptors of the old reactor's loop.
        const std::size_t loop = count_descriptors() - before - 3;
        const Reactor another;
        CHECK(count_descriptors() - before - 3 == 2 * loop);
        return begun;
    }();
    CHECK(count_descriptors() == before + 3);
    // No other process has the socket, so connects are now refused.
    const Endpoint at = taken.sockets.front().socket.local().value();
    taken.sockets.clear();
    CHECK(connect(at, 5s).error() == std::errc::connection_refused);
}

TEST_CASE("takeover: repeatedly over the same path, which always accepts connects") {
    const Place place;
    auto old = std::make_unique<Old>(place.path);
    const Endpoint at = old->serve("one", "0");
    REQUIRE(old->start());
    for (int i = 1; i <= 3; ++i) {
        Takeover taken = take(place.path);
        auto next = std::make_unique<Old>(place.path, std::move(taken.path_socket));
        const std::string answer = std::to_string(i);
        const auto on = Endpoint::descriptor(taken.sockets.front().socket.release());
        const auto listening =
            next->reactor.listen(on, callbacks([answer] {
                                     return Callbacks{.on_open = [answer](Connection& c) {
                                         c.write(answer);
                                         c.close();
                                     }};
                                 }));
        REQUIRE(listening);
        REQUIRE(taken.ready());
        old->wait();
        CHECK(old->taken == 1);
        const Socket early = connect(place.path, 5s).value();  // not accepted yet
        next->offers({"one", share(next->reactor, listening->id).value()});
        REQUIRE(next->start());
        CHECK(receive_text(early).starts_with("switchboard-takeover 1 2\n\none\n"));
        CHECK(hear(at) == answer);
        old = std::move(next);
    }
}

TEST_CASE("takeover: a new process that ends before it is ready costs nothing") {
    const Place place;
    Old old(place.path);
    const Endpoint at = old.serve("one", "1");
    REQUIRE(old.start());
    for (int i = 0; i < 20; ++i) {
        take(place.path);
        CHECK(hear(at) == "1");
    }
    Takeover taken = take(place.path);
    CHECK(taken.ready());
    old.wait();
    CHECK(old.taken == 1);
}

TEST_CASE("takeover: a process that ends right after it is ready has not taken over") {
    const Place place;
    Old old(place.path);
    const Endpoint at = old.serve("one", "1");
    REQUIRE(old.start());
    std::promise<void> busy, go_on;
    {
        const Socket client = connect(place.path, 5s).value();
        CHECK(receive_text(client).starts_with("switchboard-takeover 1 2\n"));
        old.reactor.post([&] {
            busy.set_value();
            go_on.get_future().wait();
        });
        busy.get_future().wait();
        REQUIRE(client.send_all(as_bytes("ready\n")));
    }
    go_on.set_value();
    CHECK(hear(at) == "1");
    CHECK(take(place.path).ready());
    old.wait();
    CHECK(old.taken == 1);
}

TEST_CASE("takeover: of two processes that are ready the second is refused") {
    const Place place;
    Old old(place.path);
    old.serve("one", "1");
    REQUIRE(old.start());
    Takeover first = take(place.path), second = take(place.path);
    CHECK(second.ready());
    const auto late = first.ready();
    REQUIRE_FALSE(late);
    CHECK(late.error().message().starts_with("take over from " + place.path.to_string() + ": "));
    old.wait();
    CHECK(old.taken == 1);
}

TEST_CASE("takeover: another kind of server at the path is an error") {
    const Place place;
    {
        const Stranger stranger(place.path, "HTTP/1.1 400 Bad Request\r\n\r\n", true);
        CHECK(Takeover::begin(place.path, 10s).error() == errc::malformed_message);
    }
    {
        const Stranger stranger(place.path, "", false);
        CHECK(Takeover::begin(place.path, 10s).error() == errc::incomplete_message);
    }
    const Stranger stranger(place.path, "", true);
    const auto start = Clock::now();
    CHECK(Takeover::begin(place.path, 50ms).error() == std::errc::timed_out);
    CHECK(Clock::now() - start >= 50ms);
    CHECK(Clock::now() - start < 5s);
}

TEST_CASE("takeover: a server that sends on and on has the same time-out as a silent one") {
    const Place place;
    const Socket listener = listen(place.path).value();
    std::thread server([&] {
        Socket peer = listener.accept().value();
        const std::array<int, 2> sockets{listener.fd(), listener.fd()};
        REQUIRE(detail::send_rights(peer.fd(), as_bytes("switchboard-takeover 1 2\n\n"), sockets));
        REQUIRE(peer.set_timeouts(10ms, {}));
        std::array<std::byte, 1> in{};
        while (!peer.receive(in)) static_cast<void>(peer.send_all(as_bytes("x")));
    });
    const auto start = Clock::now();
    CHECK(Takeover::begin(place.path, 100ms).error() == std::errc::timed_out);
    CHECK(Clock::now() - start < 5s);
    server.join();
}

TEST_CASE("takeover: another kind of client is disconnected, and the next one is served") {
    const Place place;
    Old old(place.path);
    const Endpoint at = old.serve("one", "1");
    REQUIRE(old.start());
    for (const std::string_view garbage :
         {"GET / HTTP/1.1\r\n\r\n", "really?\n", "ready\nready\n"}) {
        const Socket client = connect(place.path, 5s).value();
        CHECK(receive_text(client).starts_with("switchboard-takeover 1 2\n"));
        REQUIRE(client.send_all(as_bytes(garbage)));
        std::array<std::byte, 16> in{};
        CHECK(client.receive(in).value_or(std::size_t{0}) == 0);
    }
    const Socket half = connect(place.path, 5s).value();
    REQUIRE(half.send_all(as_bytes("rea")));
    CHECK(take(place.path).ready());
    old.wait();
    CHECK(old.taken == 1);
}

TEST_CASE("takeover: up to 250 sockets with long names") {
    const Place place;
    Old old(place.path);
    const Listener listener;
    for (int i = 0; i < 250; ++i)
        old.offers(
            {std::to_string(i) + std::string(3000, 'x'), Socket(::dup(listener.socket.fd()))});
    REQUIRE(old.start());
    Takeover taken = take(place.path);
    REQUIRE(taken.sockets.size() == 250);
    for (int i = 0; i < 250; ++i)
        CHECK(taken.sockets[std::size_t(i)].name == std::to_string(i) + std::string(3000, 'x'));
    CHECK(taken.ready());
    old.wait();
}

TEST_SUITE_END();

TEST_CASE("takeover: an invalid offer is refused at once") {
    const Place place;
    Reactor reactor;
    const auto offer = [&](const Endpoint& path, TakeoverOptions options = {}) {
        return offer_takeover(reactor, path, std::move(options)).error();
    };
    const auto sockets = [](std::size_t count, const std::string& name) {
        TakeoverOptions options;
        for (std::size_t i = 0; i < count; ++i) options.sockets.push_back({name, Socket()});
        return options;
    };
    CHECK(Takeover::begin(endpoint("127.0.0.1:1")).error() == errc::bad_endpoint);
    CHECK(offer(endpoint("127.0.0.1:0")) == errc::bad_endpoint);
    for (const std::string& name : {std::string("two\nlines"), std::string(1, '\0'),
                                    std::string("\x7f"), std::string(4001, 'x')})
        CHECK(offer(place.path, sockets(1, name)) == errc::bad_option);
    CHECK(offer(place.path, sockets(251, "x")) == errc::bad_option);
    const Listener there("unix:" + place.folder / "there");
    CHECK(offer(there.at) == std::errc::address_in_use);
    CHECK(active_handles(reactor).empty());
}

TEST_CASE("takeover: only the same user may connect") {
    const Place place;
    Reactor reactor;
    REQUIRE(offer_takeover(reactor, place.path, {}));
    struct stat found {};
    REQUIRE(::stat((place.folder / "takeover").c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE("reactor: a shared listener is a second descriptor of the socket, and keeps the port") {
    Reactor reactor;
    const auto listening = listen_on(reactor, echo_factory());
    Socket shared = share(reactor, listening.id).value();
    CHECK(is_close_on_exec(shared.fd()));
    CHECK(shared.local()->to_string() == listening.local.to_string());
    reactor.close(listening.id);
    CHECK(share(reactor, listening.id).error() == std::errc::bad_file_descriptor);
    CHECK(share(reactor, {}).error() == std::errc::bad_file_descriptor);
    const Socket waiting = connect(listening.local, 5s).value();
    CHECK(shared.accept().has_value());
    shared.close();
    CHECK(connect(listening.local, 5s).error() == std::errc::connection_refused);
}
