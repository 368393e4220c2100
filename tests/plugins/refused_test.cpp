// Files that are no plugins, and plugins that cannot be loaded beside others.
#include <sys/stat.h>

#include <fstream>

#include "plugins.hpp"

using namespace switchboard;

namespace {

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

TEST_CASE(
    "plugins: a missing file, a shared object that is not a plugin, and a program, are refused") {
    CHECK(refusal_of("/nowhere/x.so") == "/nowhere/x.so: no such file or directory");
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
    CHECK(none.error().message() == "there is no nothing.so in the absolute directories of \"" +
                                        directories + "\": the plugin was refused");
    CHECK_FALSE(find_plugin("echo", "").has_value());
}
