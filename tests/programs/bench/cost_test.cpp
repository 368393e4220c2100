// `switchboard-bench cost` as a program: failures, interruption, and leftover processes.
#include <doctest/doctest.h>

#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <base/files.hpp>
#include <cerrno>
#include <csignal>
#include <process.hpp>
#include <system/usage.hpp>

#include "bench.hpp"

using namespace switchboard;
using namespace switchboard::support;
using namespace switchboard::test;
namespace fs = std::filesystem;

namespace {

// In this folder bare-epoll fails to start, and bare-uv-poll works.
class OneFails : public BenchFolder {
public:
    OneFails() {
        script("bare-epoll", "echo 'no luck today' >&2; exit 3");
        fs::copy_file(SWITCHBOARD_BIN "/bare-uv-poll", file("bare-uv-poll"));
    }
};

// Valgrind cannot run programs that are built with a sanitizer.
bool has_sanitizer() {
    return dlsym(RTLD_DEFAULT, "__asan_init") != nullptr ||
           dlsym(RTLD_DEFAULT, "__tsan_init") != nullptr;
}

// Returns whether io-uring is not built, or not allowed by this kernel.
bool has_no_io_uring() {
    const bool is_built = access(SWITCHBOARD_BIN "/io-uring", X_OK) == 0;
    errno = 0;
    syscall(SYS_io_uring_setup, 0, nullptr);  // fails in any case
    return !is_built || errno == ENOSYS || errno == EPERM;
}

std::string status_of(pid_t pid) {
    return bench::read_text("/proc/" + std::to_string(pid) + "/status");
}

// A zombie counts as ended. Init would have to reap it, and some containers have no init.
bool has_ended(pid_t pid) {
    const std::string status = status_of(pid);
    return status.empty() || has(status, "State:\tZ");
}

std::vector<pid_t> descendants(const Process& bench) {
    auto tree = bench::process_tree(bench.id());
    if (!tree.empty()) tree.erase(tree.begin());
    return tree;
}

}  // namespace

TEST_CASE("bench cost: a server that fails is reported, the others are measured, and exit is 1" *
          doctest::skip(has_sanitizer())) {
    const OneFails folder;
    const auto done = run({folder.bench(), "cost", "--drivers", "bare-epoll,bare-uv-poll",
                           "--connections", "1", "--idle", "10", "--json", folder.file("o.json")});
    CAPTURE(done.output);
    CHECK(done.status == 1);
    CHECK(has(done.errors, "some figures could not be measured"));
    const auto json = read_json(folder.file("o.json"));
    REQUIRE(json["exchanges"].size() == 2);
    CHECK(has(json["exchanges"][0]["reason"], "ended with exit status 3: no luck today"));
    CHECK_FALSE(json["exchanges"][0].contains("calls"));
    CHECK(json["exchanges"][1]["calls"] == doctest::Approx(3).epsilon(0.05));
    CHECK(json["exchanges"][1]["instructions"] > 100);
    REQUIRE(json["idle"].size() == 2);
    CHECK(has(json["idle"][0]["reason"], "no luck today"));
    CHECK(json["idle"][1].contains("bytes"));
    CHECK(has(done.output, "ended with exit status 3: no luck today"));
}

TEST_CASE("bench cost: a budget without a figure fails, and the others are checked") {
    const OneFails folder;
    std::ofstream(folder.file("budgets.json")) << R"({"size": 64, "budgets": [
        {"server": "bare-epoll", "connections": 1, "calls": 4},
        {"server": "bare-uv-poll", "idle_connections": 1000, "bytes": 1}]})";
    const auto done = run({folder.bench(), "cost", "--check", folder.file("budgets.json")});
    CAPTURE(done.output);
    CHECK(done.status == 1);
    CHECK(has(done.output, "none bare-epoll, 1 connection: no figure: "));
    CHECK(has(done.output, "no luck today"));
    CHECK(has(done.output, "OVER bare-uv-poll, 1,000 connections idle: bytes"));
    CHECK(has(done.errors, "some figures could not be measured"));
    CHECK_FALSE(has(done.output, "all budgets hold"));
}

TEST_CASE("bench cost: one figure over its budget is exit 3, even if the others hold" *
          doctest::skip(has_sanitizer())) {
    const BenchFolder folder;
    std::ofstream(folder.file("bare-uv-poll"))
        << "#!/bin/sh\necho >>" << folder.file("starts") << "\nexec " SWITCHBOARD_BIN
        << "/bare-uv-poll \"$@\"\n";
    fs::permissions(folder.file("bare-uv-poll"), fs::perms::owner_all);
    std::ofstream(folder.file("budgets.json")) << R"({"size": 64, "budgets": [
        {"server": "bare-uv-poll", "connections": 1, "calls": 2, "receives": 1, "sends": 1},
        {"server": "bare-uv-poll", "idle_connections": 10, "bytes": 1e9}]})";
    const auto done = run({folder.bench(), "cost", "--check", folder.file("budgets.json")});
    CAPTURE(done.output);
    CHECK(done.status == 3);
    CHECK(has(done.output, "OVER bare-uv-poll, 1 connection: calls"));
    CHECK(has(done.output, "ok   bare-uv-poll, 1 connection: receives"));
    CHECK(has(done.output, "ok   bare-uv-poll, 1 connection: sends"));
    CHECK(has(done.output, "ok   bare-uv-poll, 10 connections idle: bytes"));
    CHECK(has(done.output, "\nover budget\n"));
    CHECK(done.errors.empty());
    // Two runs of each of the three tries, and one of the row that holds.
    CHECK(read_file(folder.file("starts")) == std::string(7, '\n'));
}

TEST_CASE(
    "bench cost: connections may be idle since their connect or since an exchange, also over TLS") {
    const BenchFolder folder;
    fs::copy_file(SWITCHBOARD_BIN "/switchboard", folder.file("switchboard"));
    std::ofstream(folder.file("budgets.json")) << R"({"size": 64, "budgets": [
        {"server": "reactor", "workload": "http", "idle_connections": 10,
         "idle_since": "connect", "bytes": 1e9},
        {"server": "reactor", "over": "tls", "idle_connections": 200, "bytes": 1e6},
        {"server": "reactor", "over": "tls", "idle_connections": 200, "idle_since": "connect", "bytes": 1000},
        {"server": "reactor", "over": "tsl", "connections": 1, "instructions": 1e9},
        {"server": "reactor", "workload": "websocket", "idle_connections": 10, "bytes": 1e9},
        {"server": "reactor", "idle_connections": 10, "idle_since": "birth", "bytes": 1e9}]})";
    const auto done = run({folder.bench(), "cost", "--check", folder.file("budgets.json")});
    CAPTURE(done.output);
    CHECK(done.status == 1);
    CHECK(has(done.output, "ok   reactor http, 10 connections idle since connect: bytes"));
    CHECK(has(done.output, "ok   reactor over TLS, 200 connections idle: bytes"));
    CHECK(has(done.output, "OVER reactor over TLS, 200 connections idle since connect: bytes"));
    CHECK(has(done.output, "no figure: invalid --over 'tsl'; available: tcp, tls"));
    CHECK(has(done.output, "ok   reactor websocket, 10 connections idle: bytes"));
    CHECK(has(done.output, "no figure: unknown idle_since 'birth'"));
}

TEST_CASE(
    "bench cost: the memory of idle connections is checked, and exit is 0 if all budgets hold") {
    const BenchFolder folder;
    fs::copy_file(SWITCHBOARD_BIN "/bare-uv-poll", folder.file("bare-uv-poll"));
    const std::string budgets = folder.file("budgets.json");
    for (const auto& [bytes, status] : {std::pair{1, 3}, {1'000'000, 0}}) {
        std::ofstream(budgets) << R"({"size": 64, "budgets": [{"server": "bare-uv-poll",
            "idle_connections": 1000, "bytes": )"
                               << bytes << "}]}";
        const auto done = run({folder.bench(), "cost", "--check", budgets});
        CAPTURE(done.output);
        CHECK(done.status == status);
        CHECK(has(done.output, "over budget") == (status == 3));
        CHECK(has(done.output, "all budgets hold") == (status == 0));
    }
}

TEST_CASE("bench cost: io-uring ends under every tool, and its one system call is a wait" *
          doctest::skip(has_sanitizer() || has_no_io_uring())) {
    const BenchFolder folder;
    const auto done = run({kBench, "cost", "--drivers", "io-uring", "--connections", "1", "--idle",
                           "0", "--json", folder.file("o.json")});
    CAPTURE(done.output);
    REQUIRE(done.status == 0);
    const auto costs = read_json(folder.file("o.json"))["exchanges"][0];
    CHECK(costs["waits"] == doctest::Approx(2).epsilon(0.05));
    CHECK(costs["calls"] == doctest::Approx(2).epsilon(0.05));
}

TEST_CASE("bench cost: Ctrl-C prints what was counted and ends the servers, with exit status 130") {
    const OneFails folder;
    Process bench({folder.bench(), "cost", "--drivers", "bare-epoll,bare-uv-poll", "--connections",
                   "1", "--idle", "10", "--json", folder.file("o.json")});
    for (int line = 0; line < 3; ++line) bench.read_line();  // the third says why bare-epoll failed
    std::vector<pid_t> servers;
    CHECK(eventually([&] { return !(servers = descendants(bench)).empty(); }));
    bench.signal(SIGINT);
    const auto done = bench.wait();
    CHECK(done.status == 130);
    CHECK(done.errors.empty());
    CHECK_FALSE(has(done.output, "bare-uv-poll"));
    for (const pid_t server : servers) CHECK(has_ended(server));
    const auto json = read_json(folder.file("o.json"));
    CHECK(json["exchanges"].size() == 1);
    CHECK(json["idle"].empty());
}

TEST_CASE("bench cost: when killed, it leaves no server behind, not even one under strace") {
    const BenchFolder folder;
    const auto silent = listen(*Endpoint::parse("127.0.0.1:0"));  // bench sends a request and waits
    REQUIRE(silent);
    folder.script("bare-epoll", "echo 'listening on " + silent->local()->to_string() +
                                    " (echo, silent)'; exec sleep 60");
    Process bench(Process::Setup{
        .command = {folder.bench(), "cost", "--drivers", "bare-epoll", "--idle", "0"},
        .environment = {"TMPDIR=" + folder.file("")}});  // it leaves files there
    pid_t traced = 0;
    CHECK(eventually([&] {
        for (const pid_t pid : descendants(bench)) {
            const std::string status = status_of(pid);
            const bool is_traced = !status.empty() && !has(status, "TracerPid:\t0\n");
            if (is_traced && has(status, "Name:\tsleep\n")) traced = pid;
        }
        return traced != 0;
    }));
    bench.signal(SIGKILL);
    bench.wait();
    CHECK(eventually([&] { return has_ended(traced); }));
}
