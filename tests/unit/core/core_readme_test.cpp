// Compiles and runs the example of core/README.md, and checks that the page quotes it.
#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <sstream>
#include <switchboard/blocking.hpp>
#include <switchboard/callbacks.hpp>
#include <switchboard/exchange.hpp>
#include <switchboard/socket.hpp>
#include <thread>

#include "loopback.hpp"

using namespace switchboard;

namespace {

// clang-format off
// README
// The classic way: accept in a loop; receive, send, close. listen() has created and bound the listener.
Result<void> greet_forever(const Socket& listener) {
    for (;;) {
        auto client = listener.accept();
        if (!client) return tl::unexpected(client.error());
        std::array<std::byte, 512> name{};
        const auto got = client->receive(name);
        if (!got) continue;
        if (!client->send_all(as_bytes("hello "))) continue;
        (void)client->send_all(Bytes(name).first(*got));  // fails if this client has left
    }
}

// The same as a Protocol, which every driver serves.
ProtocolFactory greeter() {
    return callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes name) {
            c.write("hello ");
            c.write(name);
            c.close();
            return name.size();
        }};
    });
}
// README
// clang-format on

std::string greeting(const Endpoint& at) {
    const auto reply = exchange(at, as_bytes("world"), {.shutdown_after_request = false});
    REQUIRE_MESSAGE(reply.has_value(), reply.error().message());
    return std::string(as_text(*reply));
}

std::string text_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("readme: the classic server greets until its listener is shut down") {
    const test::Listener listener;
    std::thread server([&] { CHECK_FALSE(greet_forever(listener.socket).has_value()); });
    CHECK(greeting(listener.at) == "hello world");
    CHECK(greeting(listener.at) == "hello world");
    listener.socket.shutdown();
    server.join();
}

TEST_CASE("readme: the same as a Protocol") {
    test::Listener listener;
    const auto stop = Stop::create();
    REQUIRE(stop.has_value());
    std::thread server(
        [&] { CHECK(serve_threads(std::move(listener.socket), greeter(), *stop).has_value()); });
    CHECK(greeting(listener.at) == "hello world");
    CHECK(greeting(listener.at) == "hello world");
    stop->drain();
    server.join();
}

TEST_CASE("readme: core's page quotes the example that is tested here") {
    // Not __FILE__, which a compiler cache may make relative to the folder of the build.
    const std::string root = SWITCHBOARD_SOURCE, marker = "// README\n";
    const std::string source = text_of(root + "/tests/unit/core/core_readme_test.cpp");
    const std::size_t begin = source.find(marker) + marker.size();
    const std::string example = source.substr(begin, source.find(marker, begin) - begin);
    REQUIRE(example.size() > 500);
    CHECK(text_of(root + "/core/README.md").find("```cpp\n" + example + "```\n") !=
          std::string::npos);
}
