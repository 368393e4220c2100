// Files that are no plugins, and plugins that must be refused: each with a message of its own.
#include <sys/stat.h>

#include <fstream>

#include "plugins.hpp"

using namespace switchboard;

namespace {

struct Refused {
    const char* kind;     // of broken.cpp
    const char* message;  // a part of it
};

constexpr Refused kRefused[] = {
    {"entry_throws", "switchboard_plugin() threw: thrown for entry_throws"},
    {"entry_is_null", "switchboard_plugin() returned no table"},
    {"major", "it was built for plugin ABI 7.0, and this program has 0.2: "},
    {"minor",
     "it was built for plugin ABI 0.3, and this program has 0.2; while the major number is 0, "
     "both"},
    {"previous_minor",
     "it was built for plugin ABI 0.1, and this program has 0.2; while the major number"},
    {"short_plugin", "the struct_size of its sb_plugin is 8, and must be "},
    {"huge_plugin", "the struct_size of its sb_plugin is 1073741824"},
    {"no_name", "the plugin has no name"},
    {"bad_name", "the name \"Bad Name\" of the plugin must consist of a-z"},
    {"no_version", "it has no version"},
    {"no_protocols", "it has no protocols"},
    {"null_protocols", "it claims 2 elements of type sb_protocol, and has none"},
    {"many_protocols", "it claims 18446744073709551615 elements of type sb_protocol"},
    {"short_protocol", "the struct_size of its sb_protocol is 12"},
    {"unnamed_protocol", "protocol 1 has no name"},
    {"same_protocol", "it has protocol broken twice"},
    {"no_stream", "protocol other: it has no stream and no datagrams"},
    {"unknown_flags", "protocol other: it has the flags 16, which this program does not know"},
    {"short_stream", "protocol broken: the struct_size of its sb_stream is 0"},
    {"no_on_data", "protocol broken: it has no on_data"},
    {"huge_state", "protocol broken: its state_size is 1048577, and may be at most 1048576"},
    {"short_option", "protocol broken: the struct_size of its sb_option is 4"},
    {"null_options", "protocol broken: it claims 2 elements of type sb_option, and has none"},
    {"unnamed_option", "protocol broken: option 1 has no name"},
    {"same_option", "protocol broken: it has option first twice"},
    {"unknown_type", "protocol broken: option second: this program does not know type 99"},
    {"bad_fallback",
     "option second: its fallback is invalid: option second: \"one\" is not an integer"},
    {"no_choices", "protocol broken: option second: it has no choices"},
    {"bad_range", "protocol broken: option second: its least value is above its most"},
    {"start_fails", "broken.so: the licence?has run out: the plugin was refused"},
    {"start_is_silent", "start() failed and gave no reason"},
    {"start_throws", "start() threw: thrown for start_throws"},
};

std::string refusal_of(const std::string& path) {
    Registry registry;
    const auto loaded = load_plugin(path, registry);
    if (!loaded) CHECK(registry.all().empty());
    return loaded ? "" : loaded.error().message();
}

void write_file(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("plugins: a broken one is refused, and the message says why") {
    for (const Refused& each : kRefused) {
        CAPTURE(each.kind);
        const test::PluginFolder folder;
        ::setenv("BROKEN", each.kind, 1);
        const std::string message = refusal_of(folder.copy("broken", "broken"));
        CHECK_MESSAGE(test::has(message, each.message), message);
        CHECK(test::has(message, "broken.so: "));
    }
    ::unsetenv("BROKEN");
    const test::PluginFolder folder;
    CHECK(refusal_of("/nowhere/x.so") == "/nowhere/x.so: no such file or directory");
    Registry registry;
    CHECK(load_plugin(folder.copy("broken", "whole"), registry).has_value());
}

TEST_CASE("plugins: what is not a shared object is refused before it is opened") {
    const test::PluginFolder folder;
    write_file(folder.path("empty"), "");
    CHECK(test::has(refusal_of(folder.path("empty")),
                    "it is not a shared object: it has no ELF header"));
    write_file(folder.path("text"), std::string(1000, 'x'));
    CHECK(test::has(refusal_of(folder.path("text")),
                    "it is not a shared object: it has no ELF header"));
    CHECK(test::has(refusal_of("/"), "it is not a file"));
    REQUIRE(::mkfifo(folder.path("pipe").c_str(), 0600) == 0);
    CHECK(test::has(refusal_of(folder.path("pipe")), "it is not a file"));

    std::string content = content_of(test::plugin_path("echo"));
    content[18] = 3;  // the machine: an i386
    write_file(folder.path("machine"), content);
    CHECK(test::has(refusal_of(folder.path("machine")), "it is for another kind of machine"));
    content = content_of(test::plugin_path("echo"));
    content[16] = 1;  // the type: an object file
    write_file(folder.path("object"), content);
    CHECK(test::has(refusal_of(folder.path("object")),
                    "it is not a shared object, but another ELF file"));
    content[16] = 3;
    content[54] = 1;  // the size of a program header
    write_file(folder.path("damaged"), content);
    CHECK(test::has(refusal_of(folder.path("damaged")), "its ELF header is damaged"));
    content = content_of(test::plugin_path("echo"));
    content.replace(40, 8, 8, '\xff');  // where the section headers are
    write_file(folder.path("sections"), content);
    CHECK(test::has(refusal_of(folder.path("sections")), "its section headers are damaged"));
}

TEST_CASE("plugins: a truncated one is refused at every length, and ends nothing") {
    const test::PluginFolder folder;
    const std::string content = content_of(test::plugin_path("echo"));
    for (std::size_t size = 64; size < content.size(); size += 499) {
        CAPTURE(size);
        const std::string path = folder.path("cut" + std::to_string(size));
        write_file(path, content.substr(0, size));
        const std::string message = refusal_of(path);
        CHECK_MESSAGE(test::has(message, "it is truncated: "), message);
    }
}

TEST_CASE("plugins: a shared object that is not a plugin, and a program, are refused") {
    CHECK(test::has(refusal_of(test::plugin_path("empty")),
                    "it has no switchboard_plugin(), so it is not a plugin"));
    const std::string message = refusal_of("/proc/self/exe");
    CHECK_MESSAGE(!message.empty(), message);
}

TEST_CASE("plugins: a name that is taken is refused, and what was there stays") {
    Registry registry;
    test::load_from(test::plugin_path("echo"), registry);
    const test::PluginFolder folder;
    const auto again = load_plugin(folder.copy("echo", "other"), registry);
    REQUIRE_FALSE(again);
    CHECK(test::has(again.error().message(), "other.so: there is a protocol echo-c already"));
    CHECK(registry.all().size() == 1);
    Registry second;
    const auto loaded = load_plugin(test::plugin_path("echo"), second);
    REQUIRE_FALSE(loaded);
    CHECK(test::has(loaded.error().message(), "it is loaded already"));
}

TEST_CASE(
    "plugins: find_plugin takes a path as it is, and looks up a name in absolute directories") {
    const std::string directories = "relative::/nowhere:" SWITCHBOARD_TEST_PLUGINS;
    CHECK(find_plugin("./echo.so", directories).value() == "./echo.so");
    CHECK(find_plugin("echo", directories).value() == test::plugin_path("echo"));
    const auto none = find_plugin("nothing", directories);
    REQUIRE_FALSE(none);
    CHECK(none.error().message() ==
          "there is no nothing.so in \"" + directories + "\": the plugin was refused");
    CHECK_FALSE(find_plugin("echo", "").has_value());
}
