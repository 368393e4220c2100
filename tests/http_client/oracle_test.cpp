// llhttp reads what our parsers accept in the same way: the seeds of the fuzz targets, and the known
// differences. `cmake/dev fuzz http_oracle` searches for others.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <message.hpp>
#include <oracle.hpp>

using namespace switchboard;
using oracle::Input;

namespace {

// In the files of some targets the first byte chooses the kind of the input.
std::size_t compare_seeds(const std::string& target, bool has_kind) {
    std::size_t files = 0;
    const std::string folder = SWITCHBOARD_SOURCE "/tests/fuzz/seeds/" + target;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        REQUIRE(!text.empty());
        CAPTURE(entry.path());
        const auto kind = has_kind ? static_cast<Input>(text[0] % 4) : Input::requests;
        CHECK(oracle::difference(kind, std::string_view(text).substr(has_kind ? 1 : 0)) == "");
        ++files;
    }
    return files;
}

// Returns why llhttp does not agree that this is one whole request.
std::string why_not(const std::string& request) {
    std::string why;
    oracle::ask_llhttp({.bytes = request, .end = oracle::End::here}, why);
    return why;
}

}  // namespace

TEST_CASE("http oracle: llhttp reads every seed of the fuzz targets as we do") {
    CHECK(compare_seeds("http_oracle", true) >= 40);
    CHECK(compare_seeds("http_head", false) > 0);
    CHECK(compare_seeds("http_server", false) > 0);
}

TEST_CASE("http oracle: it says what it refuses, and where it sees an end") {
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
    CHECK(why_not(head + "Content-Length: 2\r\n\r\nab") == "");
    CHECK(why_not(head + "Content-Length: 2\r\n\r\nabc") == "it ends earlier");
    CHECK(why_not(head + "Content-Length: 2\r\n\r\na") == "it does not end here");
    CHECK(why_not(head + "X : y\r\n\r\n").starts_with("HPE_"));
    std::string why;
    const auto read = oracle::ask_llhttp(
        {.bytes = head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nC: d\r\n\r\n",
         .end = oracle::End::here},
        why);
    CHECK(why == "");
    CHECK(read.method == "POST");
    CHECK(read.target == "/");
    CHECK(read.fields.size() == 2);
    CHECK(read.body == "ab");
    CHECK(read.trailers == decltype(read.trailers){{"C", "d"}});
}
