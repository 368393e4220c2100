// Takeovers from a process that says, or passes, what no old process would.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <thread>

#include <switchboard/takeover.hpp>

#include "child.hpp"
#include "descriptors.hpp"
#include "loopback.hpp"
#include "no_descriptors.hpp"
#include "rights.hpp"
#include "system.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// What a new process makes of `text` with `descriptors`, from one who then ends its side or waits for
// the new one's end.
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

const std::string kOne = "switchboard-takeover 1 1\n\n";
const std::string kTwo = "switchboard-takeover 1 2\n\nweb\n";

}  // namespace

TEST_SUITE_BEGIN("" * doctest::skip(!system_tells_peer()));

TEST_CASE(
    "takeover from a stranger: messages that lie or end too early are named, and leave nothing") {
    const Strangers at;
    const int fd = at.listener.fd();
    const Listener web;
    CHECK(at.answer(kOne, {fd}) == "taken");
    CHECK(at.answer(kTwo, {fd, web.socket.fd()}) == "taken");
    CHECK(at.answer("switchboard-takeover 1 0\n", {}) ==
          "its number of sockets is not one from 1 to 251: malformed message");
    CHECK(at.answer("HTTP/1.1 400 Bad Request\r\n", {fd}) ==
          "it offers no sockets: malformed message");
    CHECK(at.answer(kTwo, {fd}) == "it says 2 sockets and passes 1: malformed message");
    CHECK(at.answer(kOne, {fd, fd, fd}) == "it says 1 sockets and passes 3: malformed message");
    CHECK(at.answer(kOne, {}) == "it says 1 sockets and passes 0: malformed message");
    CHECK(at.answer("s", std::vector<int>(253, fd)) ==
          "it passes more sockets than 251: malformed message");
    CHECK(at.answer(kTwo + "x", {fd, fd}) == "bytes follow the last name: malformed message");
    CHECK(at.answer("switchb", {fd}, Strangers::Then::ends) ==
          "the peer ended before the message was whole");
    CHECK(at.answer(kTwo.substr(0, kTwo.size() - 1), {fd, fd}, Strangers::Then::ends) ==
          "the peer ended before the message was whole");
}

TEST_CASE("takeover from a stranger: descriptors that are no listening sockets are named") {
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
    CHECK(at.answer(kOne, {web.socket.fd()}) == "socket 0: not a unix socket: malformed message");
    CHECK(at.answer(kOne, {STDERR_FILENO}).starts_with("socket 0: "));
}

TEST_CASE("takeover from a stranger: too few descriptors are left for those that come") {
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
    CHECK(outcome == (told ? "the other process is of user 65534: permission denied"
                           : "whose the other process is cannot be told: not supported here"));
}

TEST_SUITE_END();

TEST_CASE("takeover from a stranger: who cannot be told is refused" *
          doctest::skip(system_tells_peer())) {
    const Strangers at;
    const auto begun = Takeover::begin(at.path, 5s);
    REQUIRE_FALSE(begun);
    CHECK(begun.error() == errc::unsupported);
}
