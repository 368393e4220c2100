// Takeovers from a process that sends wrong messages or descriptors.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <thread>

#include <switchboard/takeover.hpp>

#include "child.hpp"
#include "descriptors.hpp"
#include "loopback.hpp"
#include "net/fd_passing.hpp"
#include "no_descriptors.hpp"
#include "system.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Returns the result of a takeover from a process that sends `text` with `descriptors`, and then either
// closes its side or waits for the new process.
struct Strangers {
    enum class Then { ends, waits };

    std::string answer(std::string_view text, const std::vector<int>& descriptors,
                       Then then = Then::waits) const {
        const std::size_t before = count_descriptors();
        std::thread stranger([&] {
            const Socket peer = listener.accept().value();
            CHECK(detail::send_rights(peer.fd(), as_bytes(text), descriptors));
            std::array<std::byte, 64> in{};
            while (then == Then::waits && peer.receive(in).value_or(std::size_t{0}) > 0) continue;
        });
        std::string outcome = "taken";
        if (const auto begun = Takeover::begin(path, 10s); !begun)
            outcome = begun.error().message();
        stranger.join();
        CHECK(count_descriptors() == before);
        const std::string tried = "take over from " + path.to_string() + ": ";
        CHECK((outcome == "taken" || outcome.starts_with(tried)));
        return outcome.starts_with(tried) ? outcome.substr(tried.size()) : outcome;
    }

    const TempDir folder;
    const Endpoint path = Endpoint::unix_path(folder / "takeover");
    const Socket listener = listen(path).value();
};

const std::string kOneListener = "switchboard-takeover 1 1\n\n";
const std::string kTwo = "switchboard-takeover 1 2\n\nweb\n";

}  // namespace

TEST_SUITE_BEGIN("" * doctest::skip(!system_tells_peer()));

TEST_CASE(
    "takeover from a stranger: wrong or incomplete messages are reported, and leave nothing open") {
    const Strangers at;
    const int fd = at.listener.fd();
    const Listener web;
    CHECK(at.answer(kOneListener, {fd}) == "taken");
    CHECK(at.answer(kTwo, {fd, web.socket.fd()}) == "taken");
    CHECK(at.answer("switchboard-takeover 1 0\n", {}) ==
          "its number of sockets is not from 1 to 251: malformed message");
    CHECK(at.answer("HTTP/1.1 400 Bad Request\r\n", {fd}) ==
          "it does not offer sockets: malformed message");
    CHECK(at.answer(kTwo, {fd}) == "it announces 2 sockets but passes 1: malformed message");
    CHECK(at.answer(kOneListener, {fd, fd, fd}) ==
          "it announces 1 sockets but passes 3: malformed message");
    CHECK(at.answer(kOneListener, {}) == "it announces 1 sockets but passes 0: malformed message");
    CHECK(at.answer("s", std::vector<int>(253, fd)) ==
          "it passes more than 251 sockets: malformed message");
    CHECK(at.answer(kTwo + "x", {fd, fd}) == "bytes follow the last name: malformed message");
    CHECK(at.answer("switchb", {fd}, Strangers::Then::ends) ==
          "the peer closed before the message was complete");
    CHECK(at.answer(kTwo.substr(0, kTwo.size() - 1), {fd, fd}, Strangers::Then::ends) ==
          "the peer closed before the message was complete");
}

TEST_CASE("takeover from a stranger: descriptors that are not listening sockets are reported") {
    const Strangers at;
    const int fd = at.listener.fd();
    const Listener web;
    const Pair pair;
    const Socket datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto second = [&](int each) { return at.answer(kTwo, {fd, each}); };
    CHECK(second(pair.client.fd()).starts_with("socket 1: the socket does not listen: "));
    CHECK(second(datagrams.fd()).starts_with("socket 1: not a stream socket: "));
    CHECK(second(STDERR_FILENO).starts_with("socket 1: "));
    CHECK(second(STDERR_FILENO).ends_with(": malformed message"));
    CHECK(at.answer(kOneListener, {web.socket.fd()}) ==
          "socket 0: not a unix socket: malformed message");
    CHECK(at.answer(kOneListener, {STDERR_FILENO}).starts_with("socket 0: "));
}

TEST_CASE("takeover from a stranger: more descriptors than the limit allows are an error") {
    const auto outcome = in_child([]() -> std::string {
        const Strangers at;
        std::vector<int> many(200, at.listener.fd());
        let_sanitizer_look();
        const rlimit few{64, 64};
        if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return "no limit";
        return at.answer("switchboard-takeover 1 200\n\n", many);
    });
    CHECK(outcome == "receive descriptors: too many open files");
}

TEST_CASE("takeover from a stranger: another user's process is refused" *
          doctest::skip(::geteuid() != 0)) {
    const auto outcome = in_child([]() -> std::string {
        const Strangers at;
        if (::chmod(at.folder.path().c_str(), 0777) != 0) return "no mode";
        const Endpoint theirs = Endpoint::unix_path(at.folder / "theirs");
        if (::seteuid(65534) != 0) return "no other user";
        const auto listener = listen(theirs);
        if (!listener || ::seteuid(0) != 0) return "no listener";
        const auto begun = Takeover::begin(theirs, 5s);
        const std::string error = begun ? "theirs: taken" : begun.error().message();
        return error.substr(error.find("theirs: ") + 8);
    });
    const Strangers at;
    const Pair pair("unix:" + std::string(at.folder / "pair"));
    const bool told = pair.server.peer_credentials().has_value();
    CHECK(outcome == (told ? "the other process belongs to user 65534: permission denied"
                           : "the user of the other process is unknown: not supported here"));
}

TEST_SUITE_END();

TEST_CASE("takeover from a stranger: a peer whose user is unknown is refused" *
          doctest::skip(system_tells_peer())) {
    const Strangers at;
    const auto begun = Takeover::begin(at.path, 5s);
    REQUIRE_FALSE(begun);
    CHECK(begun.error() == errc::unsupported);
}
