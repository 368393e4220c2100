// SIGHUP makes `switchboard serve` replace the plugins whose files were replaced.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <optional>

#include "../programs/server.hpp"
#include "versions.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

// A server whose plugin is version 0 of `version`.
struct ReloadingServer {
    explicit ReloadingServer(const std::string& plugin, std::vector<std::string> more = {})
        : of(plugin), server(arguments(std::move(more))) {
        CHECK(test::has(line(), "plugin version version 000 loaded from "));
    }
    std::vector<std::string> arguments(std::vector<std::string> more) const {
        install(0);
        more.insert(more.begin(), {"version", "--plugin", path()});
        return more;
    }
    std::string path() const { return folder.path("version"); }
    void install(int number) const { test::install_version(of, number, path()); }
    std::string line() { return server.process().read_error_line(); }
    // Returns the line of the log that says what has become of the plugin. The plugin itself logs, too.
    std::string reload() {
        server.process().signal(SIGHUP);
        for (;;) {
            const std::string text = line();
            for (const char* part : {" replaced by ", " stays", "have not changed"})
                if (test::has(text, part)) return text;
        }
    }
    // What a new connection is sent first.
    std::string greeting() { return receive(server.connect(), 11); }

    const std::string of;
    const test::PluginFolder folder;
    Server server;
};

void reload(const std::string& plugin, std::vector<std::string> more) {
    ReloadingServer host(plugin, std::move(more));
    const Socket stays = host.server.connect();
    CHECK(receive(stays, 11) == "version 000");
    CHECK(test::has(host.reload(), "the files of the plugins have not changed"));
    for (int i = 1; i <= 3; ++i) {
        host.install(i);
        const std::string line = host.reload();
        CHECK_MESSAGE(test::has(line, "plugin version " + test::version_text(i - 1) +
                                          " replaced by " + test::version_text(i) + " from /"),
                      line);
        CHECK(host.greeting() == test::version_text(i));
    }
    CHECK(round_trip(stays, "still here") == "still here");
    CHECK(host.server.stop(SIGTERM).status == 0);
}

}  // namespace

TEST_CASE("plugins: serve replaces a plugin at SIGHUP, and old connections go on") {
    reload("version", {"--reactors", "2"});
    reload("versions", {"--reactors", "2"});
    reload("version", {"--throttle-in", "1M"});
}

TEST_CASE("plugins: serve replaces a plugin although it inherits that SIGCHLD is ignored") {
    const auto before = std::signal(SIGCHLD, SIG_IGN);
    std::optional<ReloadingServer> host(std::in_place, "version");
    std::signal(SIGCHLD, before);
    host->install(1);
    const std::string line = host->reload();
    CHECK_MESSAGE(test::has(line, "replaced by version 001"), line);
    CHECK(host->greeting() == "version 001");
    std::ofstream(host->path() + ".new") << "no plugin";
    std::filesystem::rename(host->path() + ".new", host->path());
    const std::string refused = host->reload();
    CHECK_MESSAGE(test::has(refused, "it has no ELF header"), refused);
}

TEST_CASE("plugins: a probe that runs is not for the signals of --isolate") {
    const test::PluginFolder folder;
    const std::string path = folder.copy("broken", "broken"), fifo = folder.path("fifo");
    ::setenv("BROKEN", "start_waits", 1);
    ::setenv("BROKEN_FIFO", fifo.c_str(), 1);  // does not exist yet, so that nothing waits for it
    Server server({"broken", "--plugin", path, "--isolate", "1"});
    ::unsetenv("BROKEN");
    ::unsetenv("BROKEN_FIFO");
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::filesystem::copy_file(path, path + ".new");
    std::filesystem::rename(path + ".new", path);
    server.process().signal(SIGHUP);
    int held = -1;  // can be opened once the probe waits
    REQUIRE(support::eventually(
        [&] { return (held = ::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0; }));
    std::filesystem::remove(fifo);
    server.process().signal(SIGUSR1);
    const auto next = [&](std::initializer_list<const char*> parts) {
        for (;;) {
            const std::string line = server.process().read_error_line();
            for (const char* part : parts)
                if (test::has(line, part)) return line;
        }
    };
    CHECK(test::has(next({" live:", " stays"}), " live:"));
    ::close(held);
    const std::string line = next({" replaced by ", " stays"});
    CHECK_MESSAGE(test::has(line, " replaced by "), line);
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("plugins: SIGHUP has no effect under the blocking drivers, which say so") {
    for (const char* driver :
         {"iterative", "threads", "thread-pool", "processes", "process-pool"}) {
        CAPTURE(driver);
        ReloadingServer host("version", {"--driver", driver});
        CHECK(test::has(host.line(), "SIGHUP has no effect under this driver"));
        host.server.process().signal(SIGHUP);
        CHECK(host.greeting() == "version 000");
        CHECK(host.server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("plugins: serve ends in order if SIGTERM comes while a plugin is replaced") {
    const test::PluginFolder folder;
    const std::string path = folder.copy("reactor", "reactor");
    const test::CheckGate gate;
    Server server({"reactor", "--plugin", path, "--reactors", "2"});
    const auto read_until = [&](const std::string& part) {
        std::string line;
        do line = server.process().read_error_line();
        while (!line.empty() && !test::has(line, part));  // it is empty at the end
        REQUIRE_MESSAGE(test::has(line, part), part);
    };
    std::filesystem::rename(folder.copy("reactor", "new"), path);
    server.process().signal(SIGHUP);
    read_until("plugin reactor: checking");
    server.process().signal(SIGTERM);
    read_until("draining 0 connections");
    const Endpoint endpoint = Endpoint::parse(server.endpoint()).value();
    CHECK(support::eventually([&] { return !connect(endpoint); }));
    server.process().signal(SIGHUP);  // no effect
    gate.open();
    read_until("plugin reactor 1.0 replaced by 1.0 from /");
    const auto finished = server.process().wait();
    CHECK(finished.status == 0);
    CHECK_FALSE(test::has(finished.errors, "have not changed"));
}

TEST_CASE("plugins: SIGHUP has no effect while serve drains") {
    ReloadingServer host("version");
    const Socket stays = host.server.connect();
    CHECK(receive(stays, 11) == "version 000");
    host.server.process().signal(SIGTERM);
    CHECK(test::has(host.line(), "draining 1 connection;"));
    host.install(1);
    host.server.process().signal(SIGHUP);
    for (int i = 0; i < 3; ++i) CHECK(round_trip(stays, "still here") == "still here");
    REQUIRE(stays.shutdown_write());
    const auto finished = host.server.process().wait();
    CHECK(finished.status == 0);
    CHECK_FALSE(test::has(finished.errors, "checked"));
    CHECK_FALSE(test::has(finished.errors, "replaced"));
}

TEST_CASE("plugins: serve keeps the version in use if the new file is bad, and says why") {
    ::setenv("BROKEN", "initializer_throws", 1);  // for the server
    ReloadingServer host("version");
    ::unsetenv("BROKEN");
    const auto check_stays = [&](const std::string& why) {
        const std::string line = host.reload();
        CHECK_MESSAGE(test::has(line, why), line);
        CHECK_MESSAGE(line.ends_with("; plugin version version 000 stays"), line);
        CHECK(host.greeting() == "version 000");
    };
    const auto put = [&](const std::string& content) {
        std::ofstream(host.path() + ".new", std::ios::binary) << content;
        std::filesystem::rename(host.path() + ".new", host.path());
    };
    put("no plugin");
    check_stays("/version.so: it is not a shared object: it has no ELF header: the plugin was");
    put(test::read_whole(test::plugin_path("broken")));
    check_stays("/version.so: it ended the process that tried it, with signal 6: the plugin was");
    put(test::read_whole(test::plugin_path("keyvalue")));
    check_stays("/version.so: it is plugin keyvalue, and not version: the plugin was refused");
    std::filesystem::remove(host.path());
    check_stays("/version.so: no such file or directory");
    host.install(1);
    CHECK(test::has(host.reload(), "replaced by version 001"));
    CHECK(host.greeting() == "version 001");
}

TEST_CASE("plugins: SIGHUP looks up a plugin by its name again") {
    const test::PluginFolder first, second;
    test::install_version("version", 1, second.path("version"));
    const auto folder_of = [](const test::PluginFolder& folder) {
        return std::filesystem::path(folder.path("version")).parent_path();
    };
    const std::string link = folder_of(first) / "link";
    const auto point_to = [&](const test::PluginFolder& folder) {
        std::filesystem::remove(link);
        std::filesystem::create_directory_symlink(folder_of(folder), link);
    };
    test::install_version("version", 0, first.path("version"));
    point_to(first);
    ::setenv("SWITCHBOARD_PLUGIN_PATH", link.c_str(), 1);
    Server server({"version", "--plugin", "version"});
    ::unsetenv("SWITCHBOARD_PLUGIN_PATH");
    point_to(second);
    server.process().signal(SIGHUP);
    CHECK(test::has(server.process().read_error_line(), " loaded from "));
    CHECK(test::has(server.process().read_error_line(), "plugin version: checked"));
    CHECK(test::has(server.process().read_error_line(), "version 000"));  // said by its stop()
    CHECK(test::has(server.process().read_error_line(), "version 000 replaced by version 001"));
}

TEST_CASE("plugins: every program of serve_main() can probe a plugin") {
    const std::string good = test::plugin_path("version"), bad = test::plugin_path("empty");
    for (const std::vector<std::string>& program :
         {std::vector<std::string>{kSwitchboard, "serve", "echo"},
          std::vector<std::string>{example("own_serve")}}) {
        CAPTURE(program[0]);
        auto command = program;
        command.insert(command.end(), {"--probe-plugin", good});
        const auto probed = support::run(command);
        CHECK(probed.status == 0);
        CHECK(probed.output == "the plugin can be loaded\n");
        CHECK(probed.errors == "");
        command.back() = bad;
        const auto refused = support::run(command);
        CHECK(refused.status == 1);
        CHECK(test::has(refused.errors, "so it is not a plugin"));
    }
}
