// Compiles and runs the example of core/testing/README.md, and checks that the page quotes it.
#include <doctest/doctest.h>

#include <cctype>
#include <fstream>
#include <sstream>
#include <switchboard/callbacks.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// clang-format off
// README
// Greets, echoes lines in capitals, and closes the connection after ten seconds without a line.
class Shout final : public Protocol {
    void on_open(Connection& c) override {
        c.write("hello\n");
        c.set_deadline(c.now() + 10s);
    }
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::size_t end = as_text(in).find('\n');
        if (end == std::string_view::npos) return 0;
        for (std::byte& b : in.first(end)) b = std::byte(std::toupper(int(b)));
        c.write(in.first(end + 1));
        c.set_deadline(c.now() + 10s);
        return end + 1;
    }
};

TEST_CASE("shout: capitals, and an end to silence") {
    testing::MemoryDriver driver;
    testing::MemoryPeer& peer = driver.connect(factory_of<Shout>());
    peer.send("over").send(" here\n");
    driver.run();
    CHECK(peer.received() == "hello\nOVER HERE\n");
    driver.advance(10s);
    CHECK(peer.close_reason() == std::errc::timed_out);
}

TEST_CASE("shout: conforms") {
    CHECK(testing::check_deliveries(factory_of<Shout>(), "over\nhere\n") == testing::Findings{});
    CHECK(testing::check_robustness(factory_of<Shout>(), 200) == testing::Findings{});
}
// README
// clang-format on

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("shout: the README quotes the example that is tested here") {
    // Not __FILE__, which a compiler cache may make relative to the folder of the build.
    const std::string root = SWITCHBOARD_SOURCE, marker = "// README\n";
    const std::string source = text_of(root + "/tests/conformance/testing_readme_test.cpp");
    const std::size_t begin = source.find(marker) + marker.size();
    const std::string example = source.substr(begin, source.find(marker, begin) - begin);
    const std::string readme = text_of(root + "/core/testing/README.md");
    REQUIRE(example.size() > 500);
    CHECK(readme.find("```cpp\n" + example + "```\n") != std::string::npos);
}
