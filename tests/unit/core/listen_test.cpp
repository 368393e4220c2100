#include <doctest/doctest.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <chrono>
#include <fstream>
#include <switchboard/socket.hpp>
#include <utility>
#include <vector>

#include "child.hpp"
#include "loopback.hpp"
#include "no_descriptors.hpp"
#include "refuse_ipv6.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

Error listen_error(const Endpoint& at, const SocketOptions& options = {}) {
    auto listening = listen(at, options);
    REQUIRE_MESSAGE(!listening.has_value(), at.to_string());
    return listening.error();
}

bool answers(const Endpoint& at) {
    return connect(at, 5s).has_value();
}
Endpoint at(std::string host, const Listener& listener) {
    return Endpoint::tcp(std::move(host), listener.at.port());
}
// Returns a listener on any IPv6 address, and a socket on any IPv4 address with the same port. Another
// process may use that port in IPv4. So several ports are tried.
std::pair<Listener, Socket> two_halves() {
    for (int tried = 1;; ++tried) {
        Listener ipv6("[::]:0");
        auto ipv4 = listen(at("0.0.0.0", ipv6));
        if (ipv4) return {std::move(ipv6), std::move(*ipv4)};
        REQUIRE_MESSAGE(ipv4.error() == std::errc::address_in_use, ipv4.error().message());
        REQUIRE(tried < 50);
    }
}

}  // namespace

TEST_CASE("listen: port 0 is bound to a free port, which is reported with the given host") {
    const Listener listener("127.0.0.1:0");
    CHECK(listener.at.port() != 0);
    CHECK(listener.at.host() == "127.0.0.1");
    CHECK(answers(listener.at));
    const Listener any(":0");
    CHECK(any.at.to_string() == "tcp://*:" + std::to_string(any.at.port()));
    const Listener named("localhost:0");
    CHECK(named.at.to_string() == "tcp://localhost:" + std::to_string(named.at.port()));
    CHECK(answers(named.at));
}

TEST_CASE("listen: to localhost only, to one address only") {
    const Listener listener("127.0.0.1:0");
    CHECK_FALSE(answers(at("127.0.0.2", listener)));
    CHECK(listener.socket.local()->host() == "127.0.0.1");
    const Listener named("localhost:0");
    const std::string host = named.socket.local()->host();
    CHECK((host == "127.0.0.1" || host == "::1"));
}

TEST_CASE(
    "listen: any address is IPv4 and IPv6, and any address of one family is only that family") {
    const Listener ipv4("0.0.0.0:0");
    CHECK(answers(at("127.0.0.1", ipv4)));
    CHECK(answers(at("127.0.0.2", ipv4)));
    CHECK_FALSE(answers(at("::1", ipv4)));
    const Listener both("*:0");
    CHECK(answers(at("127.0.0.1", both)));
    if (!machine_has_ipv6()) return;
    CHECK(answers(at("::1", both)));
    auto [ipv6, beside] = two_halves();  // both may have the same port
    CHECK(answers(at("::1", ipv6)));
    CHECK(answers(at("127.0.0.1", ipv6)));
    beside.close();
    CHECK_FALSE(answers(at("127.0.0.1", ipv6)));
}

TEST_CASE("listen: an IPv4 peer of a listener for both prints as IPv4") {
    const Listener listener(":0");
    const auto client = connect(at("127.0.0.1", listener));
    SocketAddress peer;
    const auto accepted = listener.socket.accept(Blocking::yes, &peer);
    REQUIRE(accepted.has_value());
    CHECK(Endpoint::from(peer) == client->local());
    CHECK(accepted->local()->host() == "127.0.0.1");
}

TEST_CASE("listen: any address is IPv4 on a machine without IPv6") {
    const std::string seen = in_child([] {
        if (!refuse_ipv6()) return std::string("not to be tried here");
        const auto listening = listen(Endpoint::tcp("*", 0));
        return listening ? listening->local()->host() : listening.error().message();
    });
    if (seen == "not to be tried here")
        MESSAGE(seen);
    else
        CHECK(seen == "0.0.0.0");
}

TEST_CASE("listen: any address is refused if one family's port is in use") {
    const Listener taken("0.0.0.0:0");
    const Error error = listen_error(at("*", taken));
    CHECK(error == std::errc::address_in_use);
    if (!machine_has_ipv6()) return;
    const Listener other("[::]:0");
    CHECK(listen_error(at("*", other)) == std::errc::address_in_use);
}

TEST_CASE("listen: a port in use") {
    const Listener listener;
    const Error error = listen_error(listener.at);
    CHECK(error == std::errc::address_in_use);
    CHECK(error.message() == "listen " + listener.at.to_string() + ": address already in use");
}

TEST_CASE("listen: at once on the port of a server that was just stopped") {
    Listener listener;
    auto client = connect(listener.at);
    auto accepted = listener.socket.accept();
    accepted->close();  // the side that closes first stays in TIME_WAIT
    CHECK(receive_all(*client).empty());
    client->close();
    listener.socket.close();
    CHECK(listen_error(listener.at, {.reuse_address = false}) == std::errc::address_in_use);
    CHECK(listen(listener.at).has_value());
}

TEST_CASE("listen: the backlog bounds how many connects wait") {
    const Listener listener("127.0.0.1:0", {.backlog = 3});
    std::vector<Socket> clients;
    for (auto next = connect(listener.at, 5s); next; next = connect(listener.at, 150ms))
        clients.push_back(std::move(*next));
    CHECK(clients.size() >= 3);
    CHECK(clients.size() <= 5);  // some systems round up
    CHECK(listener.socket.accept().has_value());
    CHECK(connect(listener.at, 5s).has_value());  // there is room again
}

TEST_CASE("listen: unknown names and addresses of other machines are refused") {
    const Error unknown = listen_error(Endpoint::tcp("no.such.host.invalid", 80));
    CHECK(unknown.code().category() == resolver_category());
    CHECK(unknown.message() ==
          "listen tcp://no.such.host.invalid:80: " + Error(unknown.code()).message());
    const Error foreign = listen_error(endpoint("192.0.2.77:0"));
    CHECK(foreign == std::errc::address_not_available);
    CHECK(foreign.message() == "listen tcp://192.0.2.77:0: cannot assign requested address");
    CHECK(listen_error(Endpoint()) == errc::bad_endpoint);
}

TEST_CASE("listen: permission denied is reported") {
    const TempDir dir;
    const std::string path = dir / "socket";
    REQUIRE(::chmod(dir.path().c_str(), 0500) == 0);
    const std::string message = in_child([&] {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0))
            return std::string("no way to be someone else");
        const auto listening = listen(Endpoint::unix_path(path));
        return listening ? std::string("listens") : listening.error().message();
    });
    CHECK(message == "listen unix:" + path + ": permission denied");
}

TEST_CASE("listen: a privileged port") {
    const std::string message = in_child([] {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0))
            return std::string("no way to be someone else");
        const auto listening = listen(Endpoint::tcp("127.0.0.1", 80));
        return listening ? std::string("allowed here") : listening.error().message();
    });
    if (message == "allowed here")
        MESSAGE("unprivileged processes may have port 80 on this machine");
    else
        CHECK(message == "listen tcp://127.0.0.1:80: permission denied");
}

TEST_CASE("listen: a unix path left behind is bound anew, a live one is in use") {
    const TempDir dir;
    const Endpoint path = Endpoint::unix_path(dir / "socket");
    { const Listener first(path.to_string()); }
    REQUIRE(std::filesystem::exists(path.path()));
    const Listener second(path.to_string());
    CHECK(second.at == path);
    CHECK(answers(path));
    const Error error = listen_error(path);
    CHECK(error == std::errc::address_in_use);
    CHECK(error.message() == "listen " + path.to_string() + ": address already in use");
    CHECK(answers(path));  // the live listener is not affected
}

TEST_CASE("listen: a live unix listener whose queue is full is not taken for a dead one") {
    const TempDir dir;
    const Listener listener("unix:" + (dir / "socket"), {.backlog = 0});
    std::vector<Socket> clients;
    while (auto next = connect(listener.at, 20ms)) clients.push_back(std::move(*next));
    CHECK(listen_error(listener.at) == std::errc::address_in_use);
    CHECK(listener.socket.accept().has_value());
}

TEST_CASE("listen: a file that is not a socket is never removed") {
    const TempDir dir;
    const std::string path = dir / "file";
    std::ofstream(path) << "precious";
    CHECK(listen_error(Endpoint::unix_path(path)) == std::errc::address_in_use);
    CHECK(std::filesystem::file_size(path) == 8);
    { const Listener left_behind("unix:" + (dir / "socket")); }
    std::filesystem::create_symlink(dir / "socket", dir / "link");
    CHECK(listen_error(Endpoint::unix_path(dir / "link")) == std::errc::address_in_use);
    CHECK(std::filesystem::is_symlink(dir / "link"));
    CHECK(listen_error(Endpoint::unix_path(dir / "no/socket")) ==
          std::errc::no_such_file_or_directory);
}

TEST_CASE("listen: a unix path that is too long says so") {
    const Endpoint path = Endpoint::unix_path("/tmp/" + std::string(200, 'x'));
    CHECK(listen_error(path).message() == "listen " + path.to_string() + ": file name too long");
    CHECK(listen_error(Endpoint::unix_path("")).message() == "listen unix:: invalid argument");
}

TEST_CASE("listen: takes over a descriptor that listens") {
    auto made = listen(endpoint("127.0.0.1:0"));
    const Endpoint where = *made->local();
    const int fd = made->release();
    REQUIRE(::fcntl(fd, F_SETFD, 0) == 0);  // as a parent passes it to a child
    auto taken = listen(Endpoint::descriptor(fd), {.blocking = Blocking::no});
    REQUIRE(taken.has_value());
    CHECK(taken->fd() == fd);
    CHECK(is_close_on_exec(fd));
    CHECK_FALSE(is_blocking(fd));
    CHECK(bound_endpoint(*taken, Endpoint::descriptor(fd)) == where);
    CHECK(answers(where));
    const TempDir dir;
    auto unix_made = listen(Endpoint::unix_path(dir / "socket"));
    CHECK(listen(Endpoint::descriptor(unix_made->release())).has_value());
}

TEST_CASE("listen: an unsuitable descriptor is refused with the reason, and stays open") {
    const auto message = [](int fd) {
        const auto listening = listen(Endpoint::descriptor(fd));
        REQUIRE_FALSE(listening.has_value());
        return listening.error().message();
    };
    const Socket file(::open("/dev/null", O_RDONLY));
    const Socket datagram(::socket(AF_INET, SOCK_DGRAM, 0));
    const Socket silent(::socket(AF_INET, SOCK_STREAM, 0));
    const auto text = [](const Socket& s) { return "listen fd:" + std::to_string(s.fd()); };
    CHECK(message(9999) == "listen fd:9999: bad file descriptor");
    CHECK(message(file.fd()) == text(file) + ": socket operation on non-socket");
    CHECK(message(datagram.fd()) ==
          text(datagram) + ": not a stream socket: protocol wrong type for socket");
    CHECK(message(silent.fd()) == text(silent) + ": the socket does not listen: invalid argument");
    for (const Socket* socket : {&file, &datagram, &silent})
        CHECK(::fcntl(socket->fd(), F_GETFD) >= 0);
}

TEST_CASE("listen: without a free descriptor the error says so") {
    const std::string message = in_child([] {
        let_sanitizer_look();
        rlimit none{0, 0};
        ::setrlimit(RLIMIT_NOFILE, &none);
        return listen(Endpoint::tcp("127.0.0.1", 80)).error().message();
    });
    CHECK(message == "listen tcp://127.0.0.1:80: too many open files");
}
