#include <doctest/doctest.h>
#include <unistd.h>
#include <array>
#include <fstream>
#include <switchboard/file.hpp>

#include "file_of.hpp"
#include "loopback.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

std::string write_file(const TempDir& dir, std::string_view text) {
    std::string path = dir / "file";
    std::ofstream(path, std::ios::binary) << text;
    return path;
}

}  // namespace

TEST_CASE("file: opened for reading, with its size") {
    const TempDir dir;
    const auto file = File::open(write_file(dir, "hello"));
    REQUIRE(file.has_value());
    CHECK((*file)->size() == 5U);
    std::array<char, 8> text{};
    CHECK(::pread((*file)->fd(), text.data(), text.size(), 1) == 4);
    CHECK(std::string_view(text.data()) == "ello");
    CHECK(::write((*file)->fd(), "x", 1) == -1);
    CHECK(is_close_on_exec((*file)->fd()));
    CHECK(File::open(write_file(dir, "")).value()->size() == 0U);
}

TEST_CASE("file: closed with its last owner") {
    const TempDir dir;
    FileRange range;
    {
        auto file = File::open(write_file(dir, "hello"));
        REQUIRE(file.has_value());
        range = {*file, 1, 3};
    }
    const int fd = range.file->fd();
    CHECK(::fcntl(fd, F_GETFD) >= 0);
    FileRange copy = range;
    range = {};
    CHECK(::fcntl(fd, F_GETFD) >= 0);
    copy = {};
    CHECK(::fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("file: takes a descriptor over") {
    const int fd = ::open("/dev/null", O_RDONLY);
    REQUIRE(fd >= 0);
    { const File file(fd); }
    CHECK(::fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("file: errors name the path") {
    const TempDir dir;
    const auto missing = File::open(dir / "missing");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error() == std::errc::no_such_file_or_directory);
    CHECK(missing.error().message() == "open " + (dir / "missing") + ": no such file or directory");
    const auto directory = File::open(dir.path());
    REQUIRE_FALSE(directory.has_value());
    CHECK(directory.error() == std::errc::is_a_directory);
    const File closed(-1);
    CHECK(closed.size().error() == std::errc::bad_file_descriptor);
}

TEST_CASE("file: reads from an offset, and nothing past the end") {
    const auto file = test::file_of("0123456789");
    std::array<std::byte, 4> bytes{};
    CHECK(file->read(2, bytes).value() == 4);
    CHECK(as_text(bytes) == "2345");
    CHECK(file->read(8, bytes).value() == 2);
    CHECK(as_text(bytes) == "8945");
    CHECK(file->read(10, bytes).value() == 0);
    CHECK(File(-1).read(0, bytes).error() == std::errc::bad_file_descriptor);
}
