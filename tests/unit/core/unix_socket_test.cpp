// Unix sockets: abstract names, permissions, and the credentials of peers.
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <switchboard/blocking.hpp>
#include <thread>

#include "child.hpp"
#include "system.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

std::string abstract_name() {
    static int last = 0;
    return "@switchboard-test-" + std::to_string(::getpid()) + "-" + std::to_string(++last);
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

bool is_this_process(const Result<PeerCredentials>& peer) {
    return peer && peer->pid == ::getpid() && peer->uid == ::getuid() && peer->gid == ::getgid();
}

}  // namespace

TEST_CASE(
    "unix: an abstract name can be served and printed, is in use meanwhile, and leaves no file") {
    const std::string name = abstract_name();
    const Endpoint at = endpoint("unix:" + name);
    {
        const Listener listener("unix:" + name);
        CHECK(listener.at == at);
        CHECK(listen(at).error() == std::errc::address_in_use);
        const Socket client = connect(at).value();
        CHECK(client.peer().value() == at);
        CHECK(listener.socket.accept().value().local().value() == at);
        CHECK(::access(name.c_str(), F_OK) != 0);
    }
    CHECK(connect(at).error() == std::errc::connection_refused);
    CHECK(listen(endpoint("unix:@")).error() == std::errc::invalid_argument);
    const std::string longest = name + std::string(108 - name.size(), 'x');  // including the '@'
    const Listener listener("unix:" + longest);
    CHECK(connect(listener.at).value().peer().value() == listener.at);
    CHECK(listen(endpoint("unix:" + longest + 'x')).error() == std::errc::filename_too_long);
}

TEST_CASE("unix: path_mode sets the mode of the file, whatever the umask") {
    const TempDir dir;
    const mode_t before = ::umask(077);
    for (const mode_t mode : {0600u, 0660u, 0666u, 0u}) {
        const std::string path = dir / std::to_string(mode);
        const Listener listener("unix:" + path, {.path_mode = mode});
        CHECK(mode_of(path) == mode);
    }
    Reactor reactor;
    listen_on(reactor, echo_factory(), {.path_mode = 0666}, "unix:" + (dir / "reactor"));
    CHECK(mode_of(dir / "reactor") == 0666);
    ::umask(before);
}

TEST_CASE("unix: a user without write permission on the path cannot connect" *
          doctest::skip(::getuid() != 0)) {  // only root can change its user
    const TempDir dir;
    REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
    const std::string path = dir / "socket";
    for (const mode_t mode : {0600u, 0666u}) {
        const Listener listener("unix:" + path, {.path_mode = mode});
        const std::string answer = in_child([&]() -> std::string {
            if (::setgid(65534) != 0 || ::setuid(65534) != 0) return "cannot change";
            const auto connected = connect(endpoint("unix:" + path));
            return connected ? "connected" : connected.error().message();
        });
        CHECK(answer ==
              (mode == 0666 ? "connected" : "connect unix:" + path + ": permission denied"));
    }
}

TEST_CASE("unix: peer credentials are those of the peer's process, for sockets and handlers") {
    if (!test::system_tells_peer()) return;
    const TempDir dir;
    const std::string at = "unix:" + (dir / "socket");
    {
        const Pair pair(at);
        CHECK(is_this_process(pair.server.peer_credentials()));
        CHECK(is_this_process(pair.client.peer_credentials()));
    }
    Reactor reactor;
    Result<PeerCredentials> seen = fail(errc::stopping, "nobody yet");
    const auto note = callbacks(
        [&] { return Callbacks{.on_open = [&](Connection& c) { seen = c.peer_credentials(); }}; });
    const Listening listening = listen_on(reactor, note, {}, at);
    const FarEnd client(listening.local);
    run_until(reactor, [&] { return seen.has_value(); });
    CHECK(is_this_process(seen));
}

TEST_CASE("unix: handlers of a blocking driver get credentials too, and TCP peers have none") {
    const bool tells = test::system_tells_peer();
    for (const std::string& at : {"unix:" + abstract_name(), std::string("127.0.0.1:0")}) {
        CAPTURE(at);
        Listener listener(at);
        const Endpoint where = listener.at;
        const Stop stop = Stop::create().value();
        Result<PeerCredentials> seen = fail(errc::stopping, "nobody yet");
        const auto note = callbacks([&] {
            return Callbacks{.on_open = [&](Connection& c) {
                seen = c.peer_credentials();
                c.close();
            }};
        });
        std::thread server([&] { CHECK(serve_iterative(std::move(listener.socket), note, stop)); });
        CHECK(receive_all(connect(where).value()) == "");
        stop.drain();
        server.join();
        const bool expected = tells && where.kind() == Endpoint::Kind::unix_path;
        CHECK(is_this_process(seen) == expected);
        if (!expected) CHECK(seen.error() == errc::unsupported);
    }
}
