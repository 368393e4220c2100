// Measurements of the user's own servers, with the user's own requests and outputs.
#include <doctest/doctest.h>
#include <csignal>

#include <sys/stat.h>
#include <filesystem>
#include <process.hpp>

#include "bench.hpp"
#include "server.hpp"

using namespace switchboard;
using namespace switchboard::support;
using namespace switchboard::test;
using programs::Server;
namespace fs = std::filesystem;

namespace {

const std::string kOwnServer =
    "mine=" SWITCHBOARD_BIN "/switchboard serve lines --listen tcp://127.0.0.1:{port}";

}  // namespace

TEST_CASE("bench own: compare starts the user's server and sends it the user's requests") {
    const BenchFolder folder;
    const auto done = run({kBench,          "compare",
                           "--server",      kOwnServer,
                           "--request",     "hello\\n",
                           "--expect",      "hello\\n",
                           "--request",     "more\\n",
                           "--expect",      "until:\\n",
                           "--connections", "2",
                           "--rounds",      "1",
                           "--duration",    "100ms",
                           "--noise",       "100%",
                           "--json",        folder.file("own.json")});
    CAPTURE(done.errors);
    CAPTURE(done.output);
    REQUIRE(done.status == 0);
    const auto cell = read_json(folder.file("own.json"))["cells"][0];
    CHECK(cell["server"] == "mine");
    CHECK(cell["workload"] == "script");
    CHECK(cell["valid"] == true);
    CHECK(cell["cpu"]["median"] > 0);
}

TEST_CASE("bench own: drivers and peers only echo, so they exclude the user's requests") {
    for (const std::string name : {"reactor", "bare-epoll"}) {
        CAPTURE(name);
        const auto done = run({kBench, "compare", "--server", kOwnServer, "--drivers", name,
                               "--request", "hello\\n", "--expect", "hello\\n"});
        CHECK(done.status == 2);
        CHECK(has(done.errors, "--drivers excludes --request"));
        CHECK(done.output.empty());
    }
    const auto nobody = run({kBench, "compare", "--request", "a", "--expect", "a"});
    CHECK(nobody.status == 2);
    CHECK(has(nobody.errors, "--request: name a server of your own"));
}

TEST_CASE("bench own: the bytes of the user's requests are counted") {
    Server server({"echo"});
    const auto done = run({kBench, "load", server.endpoint(), "--request", "0123456789", "--expect",
                           "0123456789", "--duration", "200ms", "--warm-up", "20ms"});
    CAPTURE(done.output);
    REQUIRE(done.status == 0);
    CHECK(has(done.output, "iB/s"));
    CHECK_FALSE(has(done.output, " 0 B/s"));
}

TEST_CASE("bench own: an endpoint is compared with a command, and its CPU time is unknown") {
    const BenchFolder folder;
    Server server({"echo"});
    const auto done =
        run({kBench, "compare", "--server", "there=" + server.endpoint(), "--drivers", "reactor",
             "--connections", "2", "--size", "64", "--rounds", "1", "--duration", "100ms",
             "--noise", "100%", "--json", folder.file("own.json")});
    CAPTURE(done.errors);
    REQUIRE(done.status == 0);
    const auto json = read_json(folder.file("own.json"));
    CHECK(json["options"]["servers"] == std::vector<std::string>{"there", "reactor"});
    CHECK(json["cells"][0]["valid"] == true);
    CHECK(json["cells"][0]["cpu"].is_null());
    CHECK(json["cells"][1]["cpu"]["median"] > 0);
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("bench own: a server that does not start says why") {
    const auto done = run(
        {kBench, "compare", "--server", "mine=echo no such luck >&2; exit 3 {port}", "--drivers",
         "reactor", "--connections", "1", "--size", "64", "--rounds", "1", "--duration", "100ms"});
    CHECK(has(done.output, "mine*"));
    CHECK(has(done.output, "start mine: ended with exit status"));
}

TEST_CASE("bench own: wrong replies fail the run, and a script may be read from a file") {
    const BenchFolder folder;
    Server server({"echo"});
    std::ofstream(folder.file("script"))
        << "# what is sent comes back\n> ping\n< ping\n> abc\\n\n< until:\\n\n";
    const auto right = run({kBench, "load", server.endpoint(), "--script", folder.file("script"),
                            "--duration", "100ms", "--warm-up", "20ms"});
    CAPTURE(right.errors);
    CHECK(right.status == 0);
    CHECK(has(right.output, "script to "));
    const auto wrong = run({kBench, "load", server.endpoint(), "--request", "ping", "--expect",
                            "pong", "--duration", "100ms", "--warm-up", "20ms"});
    CHECK(wrong.status == 1);
    CHECK(has(wrong.errors, "wrong bytes came back"));
    for (const auto& [option, value, why] : std::vector<std::array<std::string, 3>>{
             {"--request", "a", "--request and --expect require each other"},
             {"--script", "/nonexistent", "read /nonexistent"},
             {"--expect", "size:0", "require each other"}}) {
        const auto done = run({kBench, "load", server.endpoint(), option, value});
        CAPTURE(done.errors);
        CHECK(done.status == 2);
        CHECK(has(done.errors, why));
    }
}

TEST_CASE("bench own: outputs go to stdout or a pipe, or replace a whole file") {
    const BenchFolder folder;
    Server server({"echo"});
    const std::vector<std::string> load{
        kBench, "load", server.endpoint(), "--duration", "100ms", "--warm-up", "20ms"};
    const auto with = [&](const std::string& json) {
        auto command = load;
        command.insert(command.end(), {"--json", json});
        return command;
    };
    for (const std::string path : {"-", "/dev/stdout"}) {
        const auto done = run(with(path));
        CHECK(done.status == 0);
        CHECK(nlohmann::json::parse(done.output)["format"] == "switchboard-bench load");
        CHECK(has(done.errors, "closed loop"));
    }
    const auto piped = run({"bash", "-c", "exec \"$@\" --json >(cat >" + folder.file("piped") + ")",
                            "bash", load[0], load[1], load[2], load[3], load[4]});
    CAPTURE(piped.errors);
    CHECK(piped.status == 0);
    CHECK(eventually([&] { return has(read_file(folder.file("piped")), "\"steps\""); }));
    // A symbolic link is kept, and its target keeps its mode.
    std::ofstream(folder.file("old")) << "old";
    fs::permissions(folder.file("old"), fs::perms::owner_all);
    fs::create_symlink(folder.file("old"), folder.file("link"));
    CHECK(run(with(folder.file("link"))).status == 0);
    CHECK(fs::is_symlink(folder.file("link")));
    CHECK(read_json(folder.file("old"))["format"] == "switchboard-bench load");
    CHECK(fs::status(folder.file("old")).permissions() == fs::perms::owner_all);
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("bench own: two loads of several rounds are compared by diff") {
    const BenchFolder folder;
    Server server({"echo"});
    for (const std::string name : {"a.json", "b.json"}) {
        const auto done =
            run({kBench, "load", server.endpoint(), "--duration", "100ms", "--warm-up", "20ms",
                 "--rate", "1000", "--rounds", "5", "--json", folder.file(name)});
        CAPTURE(done.errors);
        REQUIRE(done.status == 0);
    }
    const auto same = run({kBench, "diff", folder.file("a.json"), folder.file("b.json"),
                           "--fail-if", "throughput<-10%"});
    CAPTURE(same.output);
    CAPTURE(same.errors);
    CHECK(same.status == 0);
    CHECK(has(same.output, "echo, 1 connection, 64 B, 1,000/s offered"));
    CHECK(has(same.output, "verdict: same"));
    CHECK(server.stop(SIGTERM).status == 0);
}
