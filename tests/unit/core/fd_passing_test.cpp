#include "net/fd_passing.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include "descriptors.hpp"
#include "loopback.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

struct Ends {
    Ends() {
        std::array<int, 2> fds{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
        left = Socket(fds[0]);
        right = Socket(fds[1]);
    }
    // Receives at most `most` bytes, and the descriptors that come with them.
    std::string receive(std::vector<Socket>& received, std::size_t most = 64) const {
        std::array<std::byte, 64> in{};
        const auto got = detail::receive_rights(right.fd(), MutableBytes(in).first(most), received);
        REQUIRE_MESSAGE(got.has_value(), got.error().message());
        return std::string(as_text(Bytes(in).first(*got)));
    }
    Socket left, right;
};

}  // namespace

TEST_CASE("rights: descriptors come with the bytes, in order and close-on-exec") {
    const Ends ends;
    const Listener one, two;
    const std::array<int, 2> sent{one.socket.fd(), two.socket.fd()};
    CHECK(detail::send_rights(ends.left.fd(), as_bytes("hello"), sent).value() == 5);
    std::vector<Socket> received;
    CHECK(ends.receive(received, 1) == "h");  // the descriptors come with the first byte
    REQUIRE(received.size() == 2);
    CHECK(received[0].local()->to_string() == one.at.to_string());
    CHECK(received[1].local()->to_string() == two.at.to_string());
    for (const Socket& each : received) CHECK(is_close_on_exec(each.fd()));
    CHECK(ends.receive(received) == "ello");
    CHECK(received.size() == 2);
}

TEST_CASE("rights: none, and as many as fit into a message") {
    const Ends ends;
    std::vector<Socket> received;
    CHECK(detail::send_rights(ends.left.fd(), as_bytes("x"), {}));
    CHECK(ends.receive(received) == "x");
    CHECK(received.empty());
    const std::vector<int> many(detail::kMostRights, ends.left.fd());
    CHECK(detail::send_rights(ends.left.fd(), as_bytes("y"), many));
    CHECK(ends.receive(received) == "y");
    CHECK(received.size() == detail::kMostRights);
}

TEST_CASE("rights: descriptors that were sent and never received are closed") {
    const Listener listener;
    const std::size_t before = count_descriptors();
    {
        const Ends ends;
        Socket copy(::dup(listener.socket.fd()));
        const std::array<int, 1> sent{copy.fd()};
        CHECK(detail::send_rights(ends.left.fd(), as_bytes("x"), sent));
    }
    CHECK(count_descriptors() == before);
}

TEST_CASE("rights: the peer's end, and errors") {
    Ends ends;
    std::vector<Socket> received;
    REQUIRE(ends.right.set_blocking(Blocking::no));
    std::array<std::byte, 8> in{};
    CHECK(detail::receive_rights(ends.right.fd(), in, received).error() ==
          std::errc::operation_would_block);
    ends.left.close();
    CHECK(ends.receive(received) == "");
    CHECK(detail::send_rights(ends.right.fd(), as_bytes("x"), {}).error() ==
          std::errc::broken_pipe);
    const std::array<int, 1> closed{1'000'000};
    const Ends others;
    CHECK(detail::send_rights(others.left.fd(), as_bytes("x"), closed).error() ==
          std::errc::bad_file_descriptor);
}
