#include "platform/platform.hpp"

#include <doctest/doctest.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <switchboard/file.hpp>

#include "loopback.hpp"
#include "signals.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

std::shared_ptr<const File> file_of(const TempDir& dir, const std::string& text) {
    std::ofstream(dir / "file", std::ios::binary) << text;
    auto file = File::open(dir / "file");
    REQUIRE(file.has_value());
    return *file;
}

// Checks the result of send_file and errno after the peer has gone.
void check_broken_pipe(const Socket& socket, const File& file, std::size_t count = 1) {
    while (platform::send_file(socket.fd(), file.fd(), 0, count) >= 0) {
    }
    CHECK(platform::send_file(socket.fd(), file.fd(), 0, count) == -1);
    CHECK(errno == EPIPE);
}

bool sigpipe_pending() {
    sigset_t pending;
    REQUIRE(sigpending(&pending) == 0);
    return sigismember(&pending, SIGPIPE) == 1;
}

}  // namespace

TEST_CASE("platform: send_file sends from the offset, and returns 0 at the file's end") {
    const TempDir dir;
    const auto file = file_of(dir, "0123456789");
    const Pair pair;
    CHECK(platform::send_file(pair.client.fd(), file->fd(), 3, 4) == 4);
    CHECK(receive_text(pair.server) == "3456");
    CHECK(platform::send_file(pair.client.fd(), file->fd(), 8, 100) == 2);
    CHECK(receive_text(pair.server) == "89");
    CHECK(platform::send_file(pair.client.fd(), file->fd(), 10, 5) == 0);
    CHECK(platform::send_file(pair.client.fd(), file->fd(), 1'000'000, 5) == 0);
    CHECK(::lseek(file->fd(), 0, SEEK_CUR) == 0);  // the file's own offset has not changed
}

TEST_CASE("platform: send_file sends a large file in several calls") {
    const TempDir dir;
    std::string text(300'000, ' ');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 % 251);
    const auto file = file_of(dir, text);
    const Pair pair("127.0.0.1:0", {.blocking = Blocking::no});
    std::string got;
    std::array<std::byte, 4096> buffer{};
    for (std::uint64_t offset = 0; got.size() < text.size();) {
        const ssize_t sent = platform::send_file(pair.client.fd(), file->fd(), offset, text.size());
        if (sent > 0) offset += static_cast<std::uint64_t>(sent);
        if (sent < 0) REQUIRE(errno == EAGAIN);
        while (const auto part = pair.server.receive(buffer))
            got += as_text(Bytes(buffer).first(*part));
    }
    CHECK((got == text));
}

TEST_CASE("platform: send_file to a peer that does not read is EAGAIN") {
    const TempDir dir;
    const auto file = file_of(dir, std::string(100'000, 'x'));
    const Pair pair("127.0.0.1:0", {.blocking = Blocking::no});
    while (platform::send_file(pair.client.fd(), file->fd(), 0, 100'000) > 0) {
    }
    CHECK(errno == EAGAIN);
}

TEST_CASE("platform: send_file to a vanished peer is EPIPE and no signal") {
    const TempDir dir;
    const auto file = file_of(dir, "text");
    const Disposition fatal(SIGPIPE, SIG_DFL);
    Pair pair;
    pair.server.reset_on_close();
    pair.server.close();
    check_broken_pipe(pair.client, *file);
    sigset_t blocked;
    REQUIRE(::pthread_sigmask(SIG_BLOCK, nullptr, &blocked) == 0);
    CHECK(sigismember(&blocked, SIGPIPE) == 0);
    CHECK_FALSE(sigpipe_pending());
}

// A closed peer replies to the first piece with a reset. So a part is sent, and then SIGPIPE is raised.
TEST_CASE("platform: send_file that a vanished peer cuts short raises no signal") {
    constexpr std::size_t size = 300'000;
    const TempDir dir;
    const auto file = file_of(dir, std::string(size, 'x'));
    const Disposition fatal(SIGPIPE, SIG_DFL);
    for (const std::string& at : {std::string("127.0.0.1:0"), "unix:" + (dir / "socket")}) {
        CAPTURE(at);
        Pair pair(at);
        pair.server.close();
        check_broken_pipe(pair.client, *file, size);
        CHECK_FALSE(sigpipe_pending());
    }
}

TEST_CASE("platform: send_file does not change a pending SIGPIPE of others") {
    constexpr std::size_t size = 300'000;
    const TempDir dir;
    const auto file = file_of(dir, std::string(size, 'x'));
    sigset_t sigpipe, before;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    REQUIRE(::pthread_sigmask(SIG_BLOCK, &sigpipe, &before) == 0);
    for (const bool pending : {false, true}) {
        CAPTURE(pending);
        if (pending) ::raise(SIGPIPE);
        Pair pair;
        pair.server.close();
        check_broken_pipe(pair.client, *file, size);
        CHECK(sigpipe_pending() == pending);
    }
    int taken = 0;
    CHECK(sigwait(&sigpipe, &taken) == 0);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("platform: pipes and sockets are close-on-exec, in the requested mode") {
    std::array<int, 2> ends{};
    REQUIRE(platform::open_pipe(ends.data()) == 0);
    const Socket reader(ends[0]), writer(ends[1]);
    CHECK(is_close_on_exec(reader.fd()));
    CHECK(is_close_on_exec(writer.fd()));
    CHECK(is_blocking(reader.fd()));
    CHECK_FALSE(is_blocking(writer.fd()));
    for (const bool blocking : {true, false}) {
        const Socket socket(platform::open_socket(AF_INET, SOCK_STREAM, blocking));
        CHECK(is_close_on_exec(socket.fd()));
        CHECK(is_blocking(socket.fd()) == blocking);
    }
}

TEST_CASE("platform: failures set errno and leave no descriptor") {
    CHECK(platform::open_socket(-1, SOCK_STREAM, true) == -1);
    CHECK(platform::accept_socket(-1, nullptr, nullptr, true) == -1);
    CHECK(errno == EBADF);
    CHECK(platform::set_blocking(-1, true) == -1);
    CHECK(errno == EBADF);
}
