// `switchboard plugin new` and `switchboard plugin install`. tests/package/ builds what `new` writes.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <set>

#include "../programs/server.hpp"
#include "loopback.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

namespace fs = std::filesystem;
const fs::path kObjects = SWITCHBOARD_TEST_PLUGINS;

Finished plugin(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "plugin");
    return programs::switchboard(std::move(arguments));
}

void is_refused(const Finished& finished, const std::string& why) {
    CHECK(finished.status == 1);
    CHECK(finished.output == "");
    CHECK_MESSAGE(test::has(finished.errors, why), finished.errors);
}

std::set<std::string> names_in(const fs::path& directory) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory))
        names.insert(entry.path().filename());
    return names;
}

std::string contents_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct stat status_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status;
}

}  // namespace

TEST_CASE("plugin new: writes the files of each kind, with the name in them") {
    const test::TempDir folder;
    for (const auto& [kind, source] :
         {std::pair{"class", "kv.cpp"}, {"coroutine", "kv.cpp"}, {"c", "kv.c"}}) {
        const fs::path directory = folder / kind;
        const Finished made =
            plugin({"new", "kv", "--kind", kind, "--directory", directory.string()});
        CHECK(made.status == 0);
        CHECK(test::has(made.output, "switchboard serve kv --plugin " + directory.string()));
        CHECK(names_in(directory) ==
              std::set<std::string>{"CMakeLists.txt", "README.md", "kv.txt", source});
        for (const std::string& name : names_in(directory)) {
            const std::string text = contents_of(directory / name);
            CHECK(test::has(text, "kv"));
            CHECK_FALSE(test::has(text, "@NAME@"));
        }
    }
}

TEST_CASE("plugin new, plugin install: what is printed can be given to a shell") {
    const test::TempDir folder;
    const std::string directory = folder / "it's mine", quoted = folder / "it'\\''s mine";
    const Finished made = plugin({"new", "kv", "--directory", directory});
    CHECK_MESSAGE(test::has(made.output, "  cmake -S '" + quoted + "' -B '" + quoted +
                                             "/build' && cmake --build '" + quoted +
                                             "/build' && ctest --test-dir '" + quoted +
                                             "/build' --output-on-failure\n  switchboard serve kv "
                                             "--plugin '" +
                                             quoted + "/build/kv.so'\n"),
                  made.output);
    const Finished installed =
        plugin({"install", (kObjects / "keyvalue.so").string(), "--into", directory});
    CHECK_MESSAGE(test::has(installed.output, "serve kv --plugin '" + quoted + "/keyvalue.so'\n"),
                  installed.output);
}

TEST_CASE("plugin new: bad names, and directories with files, are refused") {
    const test::TempDir folder;
    const std::string directory = folder / "project";
    const auto make = [&](const std::string& name) {
        return plugin({"new", name, "--directory", directory});
    };
    for (const char* name : {"Kv", "", "a b", "1a", "_a", "a/b", "a\n", "caf\xc3\xa9"})
        is_refused(make(name), "must begin with a letter and consist of a-z");
    is_refused(make(std::string(65, 'a')), "64 at most");
    is_refused(make("echo"), "switchboard has a protocol 'echo' already");
    is_refused(make("test"), "CMake or Switchboard uses the name 'test' itself");
    CHECK_FALSE(fs::exists(directory));
    CHECK(plugin({"new", "kv", "--kind", "rust", "--directory", directory}).status == 2);

    fs::create_directory(directory);  // an empty one is fine
    CHECK(make("kv").status == 0);
    std::ofstream(directory + "/kv.cpp") << "mine";
    is_refused(make("kv"), directory + ": the directory has files already");
    CHECK(contents_of(directory + "/kv.cpp") == "mine");
    is_refused(plugin({"new", "kv", "--directory", directory + "/kv.cpp"}), "kv.cpp: ");
}

TEST_CASE("plugin new: a project that could not be written can be tried again") {
    const test::TempDir folder;
    const std::string directory = folder / "project";
    const std::vector<std::string> again{"plugin", "new", "kv", "--directory", directory};
    // Files may have 512 bytes.
    std::vector<std::string> limited{"sh", "-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh",
                                     kSwitchboard};
    limited.insert(limited.end(), again.begin(), again.end());
    is_refused(support::run(limited), "write " + directory + "/");
    CHECK(names_in(directory).empty());
    CHECK(programs::switchboard(again).status == 0);
}

TEST_CASE("plugin install: a plugin is copied to where it is found by its name") {
    const test::TempDir folder;
    const auto path = "SWITCHBOARD_PLUGIN_PATH=" + folder.path() + ":/nowhere";
    const Finished installed = support::run(
        {"env", path, kSwitchboard, "plugin", "install", (kObjects / "keyvalue.so").string()});
    CHECK(installed.errors == "");
    CHECK(installed.status == 0);
    CHECK(test::has(installed.output, "keyvalue 2.1 is installed at "));
    CHECK(test::has(installed.output, "Serve it: switchboard serve kv --plugin "));
    CHECK(contents_of(folder / "keyvalue.so") == contents_of(kObjects / "keyvalue.so"));
    CHECK(support::run({"env", path, kSwitchboard, "plugin", "inspect", "keyvalue"}).status == 0);
    CHECK(names_in(folder.path()) == std::set<std::string>{"keyvalue.so"});
}

TEST_CASE("plugin install: a server that runs keeps its version, and the file is a new one") {
    const test::TempDir folder, source;
    const std::string target = folder / "p.so", next = source / "p.so";
    fs::copy_file(kObjects / "keyvalue.so", target);
    const auto before = status_of(target);
    const Server server({"kv", "--plugin", target});
    const Socket client = server.connect();
    REQUIRE(client.send_all(as_bytes("put a 1\n")));
    CHECK(receive(client, 3) == "ok\n");
    fs::copy_file(kObjects / "echo.so", next);
    fs::permissions(next, fs::perms(0777));
    const Finished installed = plugin({"install", next, "--into", folder.path()});
    CHECK(installed.status == 0);
    CHECK(test::has(installed.output, "echo-c 1.0 is installed at "));
    CHECK(test::has(installed.output, "SIGHUP"));
    const auto after = status_of(target);
    CHECK(after.st_ino != before.st_ino);
    CHECK((after.st_mode & 07777) == 0755);  // nobody else may write it
    CHECK(contents_of(target) == contents_of(next));
    REQUIRE(client.send_all(as_bytes("get a\n")));
    CHECK(receive(client, 2) == "1\n");
}

TEST_CASE("plugin install: what is refused leaves the file that is there untouched") {
    const test::TempDir folder, source;
    const std::string into = folder.path(), target = folder / "p.so", next = source / "p.so";
    fs::copy_file(kObjects / "keyvalue.so", target);
    const auto before = status_of(target);
    const auto install = [&] { return plugin({"install", next, "--into", into}); };
    is_refused(install(), next + ": no such file or directory");
    std::ofstream(next) << "text";
    is_refused(install(), next + ": it is not a shared object");
    fs::copy_file(kObjects / "empty.so", next, fs::copy_options::overwrite_existing);
    is_refused(install(), next + ": it has no switchboard_plugin()");
    fs::copy_file(kObjects / "broken.so", next, fs::copy_options::overwrite_existing);
    is_refused(support::run({"env", "BROKEN=start_fails", kSwitchboard, "plugin", "install", next,
                             "--into", into}),
               "the licence?has run out");
    is_refused(support::run({"env", "BROKEN=initializer_crashes", kSwitchboard, "plugin", "install",
                             next, "--into", into}),
               next + ": it ended the process that tried it, with signal 6");
    const std::string fifo = source / "fifo/p.so", directory = source / "directory/p.so";
    fs::create_directories(directory);
    fs::create_directory(fs::path(fifo).parent_path());
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    for (const std::string& special : {fifo, directory})
        is_refused(plugin({"install", special, "--into", into}),
                   special + ": it is not a regular file\n");
    const auto after = status_of(target);
    CHECK(after.st_ino == before.st_ino);
    CHECK(contents_of(target) == contents_of(kObjects / "keyvalue.so"));
    CHECK(names_in(into) == std::set<std::string>{"p.so"});

    is_refused(plugin({"install", source / "p.txt"}), "the name of a plugin ends with .so");
    is_refused(plugin({"install", next, "--into", "/nowhere"}), "/nowhere: ");
    is_refused(plugin({"install", next, "--into", target}), target + ": not a directory\n");
    is_refused(support::run({"env", "--unset=SWITCHBOARD_PLUGIN_PATH", kSwitchboard, "plugin",
                             "install", next}),
               "say with --into where to install");
}
