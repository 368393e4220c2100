// No path leads out of the directory of a server of files, a range is within its file, and a date that can be
// read can be written and read again. The input is the path, the range, the date and the conditions in turn.
#include <stdlib.h>
#include <files/find_file.hpp>
#include <files/range.hpp>
#include <filesystem>
#include <fstream>
#include <switchboard/http_conditions.hpp>
#include <switchboard/testing/conformance.hpp>

#include "fuzz.hpp"

using namespace switchboard;
using namespace switchboard::http::detail;

namespace {

// Files inside and outside of the directory to serve. It is removed at exit.
class Site {
public:
    Site() {
        fuzz::require(::mkdtemp(path_.data()) != nullptr, "a temporary folder");
        std::filesystem::create_directories(root() + "/a/b");
        for (const auto* const name : {"/a/b/c", "/a/x", "/index.html", "/a/x.gz"})
            std::ofstream(root() + name) << "inside";
        for (const auto* const name : {"/.x", "/a/.x", "/../x", "/back\\slash"})
            std::ofstream(root() + name) << "outside";
        std::filesystem::create_symlink("../x", root() + "/link");
        std::filesystem::create_symlink("..", root() + "/up");
    }
    ~Site() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    std::string root() const { return path_ + "/root"; }

private:
    std::string path_ = "/tmp/switchboard-fuzz-XXXXXX";
};

bool is_inside(const OpenFile& opened) {
    std::array<std::byte, 16> bytes{};
    const auto got = opened.file->read(0, bytes);
    return got && as_text(Bytes(bytes).first(*got)) == "inside";
}

void check_path(std::string_view path) {
    static const Site site;
    const FoundFile found = find_file(site.root(), path);
    if (found.status != 200) return;
    fuzz::require(is_inside(found.plain), "a path that leads out");
    fuzz::require(!found.gzip || is_inside(*found.gzip), "a compressed file that is outside");
}

void check_range(std::string_view value) {
    for (const std::uint64_t size :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1'000}, std::uint64_t{1} << 62U}) {
        const ByteRange range = parse_range(value, size);
        if (range.kind != ByteRange::Kind::part) continue;
        fuzz::require(range.length > 0 && range.first < size, "a range begins in its file");
        fuzz::require(range.length <= size - range.first, "a range ends in its file");
    }
}

void check_date(std::string_view text) {
    const auto date = http::parse_date(text);
    if (date) fuzz::require(http::parse_date(http::format_date(*date)) == *date, "a date");
}

// Whatever the conditions are, the answer is one of these.
void check_conditions(std::string_view value) {
    if (value.find_first_of("\r\n") != value.npos) return;  // further fields have other answers
    http::Server server;
    server.route("GET", "/", [](const http::Request& request, http::Response& response) {
        const auto condition = http::evaluate_conditions(request, {.etag = "\"a,b\""});
        response.status(condition == http::Condition::met ? 200 : 304).send();
    });
    for (const std::string name : {"If-None-Match", "If-Modified-Since"}) {
        const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + name +
                                    ": " + std::string(value) + "\r\n\r\n";
        const std::string answer = testing::deliver(server.factory(), request).output;
        const std::string status = answer.substr(0, 12);
        fuzz::require(status == "HTTP/1.1 200" || status == "HTTP/1.1 304" ||
                          status == "HTTP/1.1 400" || status == "HTTP/1.1 431",
                      "an answer");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    check_path(text);
    check_range(text);
    check_date(text);
    check_conditions(text);
    return 0;
}
