// The front page quotes programs that are built and run here, to the letter.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string contents(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("readme: quotes the smallest server and client as they are built") {
    const std::string source = SWITCHBOARD_SOURCE;
    const std::string page = contents(source + "/README.md");
    for (const char* example : {"echo_server.cpp", "client.cpp"}) {
        CAPTURE(example);
        const std::string code = contents(source + "/examples/" + example);
        REQUIRE_FALSE(code.empty());
        CHECK(page.find("```cpp\n" + code + "```\n") != std::string::npos);
    }
}
