#include <doctest/doctest.h>

#include <sys/resource.h>
#include <CLI/CLI.hpp>
#include <compare_options.hpp>
#include <server.hpp>

using namespace switchboard::bench;
using namespace std::chrono_literals;

namespace {

struct Parsed {
    CompareOptions options;
    std::string error;  // empty: it holds
};

Parsed parse(std::vector<std::string> arguments) {
    Parsed parsed;
    CLI::App app;
    bool held = false;
    describe_compare(app, parsed.options, [&] { held = true; });
    std::reverse(arguments.begin(), arguments.end());
    try {
        app.parse(arguments);
        CHECK(held);
    } catch (const CLI::ParseError& error) {
        parsed.error = error.what();
        CHECK_FALSE(held);
    }
    return parsed;
}

bool fails_with(std::vector<std::string> arguments, const std::string& part) {
    const std::string error = parse(std::move(arguments)).error;
    CAPTURE(error);
    return error.find(part) != std::string::npos && error.find('\n') == std::string::npos;
}

}  // namespace

TEST_CASE("bench options: the defaults are those of the manual") {
    const auto [options, error] = parse({});
    CHECK(error.empty());
    CHECK(options.workload == "echo");
    CHECK(options.servers.size() == server_kinds().size());
    CHECK(options.connections == std::vector<std::size_t>{1, 10, 100, 1000});
    CHECK(options.sizes == std::vector<std::size_t>{64, 16384});
    CHECK(options.depth == 1);
    CHECK(options.duration == 2s);
    CHECK(options.rounds == 5);
    CHECK(options.baseline == "reactor");
}

TEST_CASE("bench options: an item that is missing or no number is not passed over") {
    for (const char* list : {"1,,2", ",1", "1,", ""}) {
        CAPTURE(list);
        CHECK(fails_with({"--connections", list}, "--connections: '"));
        CHECK(fails_with({"--connections", list}, "has an empty item"));
    }
    CHECK(fails_with({"--connections", "1,x"}, "--connections: 'x' is no count"));
    CHECK(fails_with({"--connections", "1,2k"}, "'2k' is no count"));
    CHECK(fails_with({"--connections", "-1"}, "'-1' is no count"));
    CHECK(fails_with({"--size", "64,"}, "--size: '64,' has an empty item"));
    CHECK(fails_with({"--drivers", "reactor,,threads"}, "--drivers: "));
}

TEST_CASE("bench options: lists, sizes and times") {
    const auto [options, error] =
        parse({"--drivers", "threads,bare-epoll", "--connections", "5,7", "--size", "1k,3",
               "--duration", "250ms", "--depth", "4", "--rounds", "2"});
    CHECK(error.empty());
    CHECK(options.servers == std::vector<std::string>{"threads", "bare-epoll"});
    CHECK(options.connections == std::vector<std::size_t>{5, 7});
    CHECK(options.sizes == std::vector<std::size_t>{1024, 3});
    CHECK(options.duration == 250ms);
    CHECK(options.depth == 4);
    CHECK(options.warm_up() == 100ms);
}

TEST_CASE("bench options: quick is short, but for what is asked for in words") {
    const auto quick = parse({"--quick"}).options;
    CHECK(quick.connections == std::vector<std::size_t>{1, 100});
    CHECK(quick.rounds == 3);
    CHECK(quick.duration == 400ms);
    const auto mixed = parse({"--quick", "--rounds", "9", "--connections", "10"}).options;
    CHECK(mixed.rounds == 9);
    CHECK(mixed.connections == std::vector<std::size_t>{10});
    CHECK(mixed.sizes == std::vector<std::size_t>{64});
}

TEST_CASE("bench options: the noise that is borne is a percentage") {
    CHECK(parse({}).options.noise == 0.05);
    CHECK(parse({"--noise", "0.5%"}).options.noise == doctest::Approx(0.005));
    CHECK(parse({"--noise", "100%"}).options.noise == 1);
    for (const char* noise : {"5", "%", "five%", "-1%", "5 %", "5%%", ""}) {
        CAPTURE(noise);
        CHECK(fails_with({"--noise", noise}, "is no percentage"));
    }
}

TEST_CASE("bench options: what cannot be is said in one line") {
    CHECK(fails_with({"--drivers", "reactr"}, "reactr: there is reactor reactor-x2 iterative"));
    CHECK(fails_with({"--drivers", "reactor,reactor"}, "twice"));
    CHECK(fails_with({"--workload", "chat"}, "no workload 'chat'"));
    CHECK(fails_with({"--connections", "0"}, "at least 1"));
    CHECK(fails_with({"--connections", "-1"}, "--connections"));
    CHECK(fails_with({"--connections", "ten"}, "ten"));
    CHECK(fails_with({"--size", "0"}, "--size 0"));
    CHECK(fails_with({"--size", "big"}, "big"));
    CHECK(fails_with({"--size", "1M", "--depth", "65"}, "64 MiB"));
    CHECK(fails_with({"--depth", "0"}, "--depth"));
    CHECK(fails_with({"--rounds", "0"}, "--rounds"));
    CHECK(fails_with({"--rounds", "-1"}, "--rounds"));
    CHECK(fails_with({"--workers", "0"}, "--workers"));
    CHECK(fails_with({"--duration", "1ms"}, "--duration"));
    CHECK(fails_with({"--duration", "soon"}, "soon"));
    CHECK(fails_with({"--baseline", "nobody"}, "nobody"));
    CHECK(fails_with({"--baseline", "threads", "--drivers", "reactor"}, "not among --drivers"));
    CHECK(fails_with({"--over", "udp"}, "--over udp: tcp or unix"));
    CHECK(fails_with({"--nonsense"}, "nonsense"));
}

TEST_CASE("bench options: connections past the descriptor limit say what the limit is") {
    rlimit limit{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(fails_with({"--connections", std::to_string(limit.rlim_max)},
                     "descriptor limit is " + std::to_string(limit.rlim_max)));
    CHECK(parse({"--connections", std::to_string(limit.rlim_max - 64)}).error.empty());
}

TEST_CASE("bench options: a driver's command line, and a peer's") {
    const ServerSetup setup{"echo", 116, 3};
    const auto pool = command_for(*find_server_kind("thread-pool"), "/bin", setup);
    CHECK(pool == std::vector<std::string>{"/bin/switchboard", "serve", "echo", "--driver",
                                           "thread-pool", "--listen", "tcp://127.0.0.1:0",
                                           "--backlog", "4096", "--limit", "max_connections=116",
                                           "--workers", "3"});
    CHECK(command_for(*find_server_kind("bare-uv"), "/bin", setup) ==
          std::vector<std::string>{"/bin/bare-uv"});
    CHECK(command_for(*find_server_kind("reactor-x3"), "/bin", setup) ==
          std::vector<std::string>{"/bin/switchboard", "serve", "echo", "--driver", "reactor",
                                   "--listen", "tcp://127.0.0.1:0", "--backlog", "4096", "--limit",
                                   "max_connections=116", "--reactors", "3"});
    CHECK_FALSE(find_server_kind("nobody"));
}

TEST_CASE("bench options: reactor-xN is a server for 2 to 64, and reactor-x2 one of all") {
    const auto [options, error] = parse({"--drivers", "reactor-x64,reactor-x2,reactor-x10"});
    CHECK(error.empty());
    CHECK_FALSE(options.all_servers);
    for (const char* name :
         {"reactor-x1", "reactor-x65", "reactor-x02", "reactor-x", "reactor-x2 "})
        CHECK(fails_with({"--drivers", name}, std::string("--drivers ") + name + ": there is"));
    const auto all = parse({}).options;
    CHECK(all.all_servers);
    CHECK(std::count(all.servers.begin(), all.servers.end(), "reactor-x2") == 1);
}

TEST_CASE("bench options: drivers and bare peers are always there, others say what they need") {
    for (const ServerKind& kind : server_kinds()) {
        CAPTURE(kind.name);
        CHECK(kind.may_be_missing() == !(kind.is_driver() || kind.name.starts_with("bare-")));
    }
}

TEST_CASE("bench options: what excludes what, and what belongs to one workload") {
    CHECK(fails_with({"--same-core", "--spread"}, "exclude each other"));
    CHECK(
        fails_with({"--cost", "--workload", "line", "--size", "64"}, "--cost: counts echo alone"));
    CHECK(fails_with({"--work", "1ms"}, "--work: of --workload reply alone"));
    CHECK(fails_with({"--workload", "upload", "--rate", "10"}, "upload has no requests"));
    CHECK(fails_with({"--rate", "10", "--exchanges", "5"}, "--exchanges: not with --rate"));
    CHECK(fails_with({"--beside", "idle"}, "--beside idle: not WORKLOAD:CONNECTIONS"));
    CHECK(fails_with({"--arrivals", "never"}, "'never': constant or poisson"));
    CHECK(fails_with({"--scenario", "nothing"},
                     "--scenario nothing: there is slow-client stalled-clients "));
    CHECK(parse({"--workload", "reply", "--work", "500us"}).options.work == 500us);
}

TEST_CASE("bench options: what would be without effect is refused") {
    CHECK(fails_with({"--arrivals", "poisson"}, "--arrivals: of --rate alone"));
    CHECK(fails_with({"--reply", "4"}, "--reply: of --workload reply alone"));
    CHECK(
        fails_with({"--workload", "connect", "--depth", "4"}, "--depth: connect has one request"));
    CHECK(fails_with({"--workload", "stalled"}, "--workload stalled: has nothing to compare"));
    CHECK(fails_with({"--cost", "--depth", "4"}, "--cost: counts TCP, depth 1"));
    CHECK(fails_with({"--cost", "--over", "unix"}, "--cost: counts TCP, depth 1"));
}

TEST_CASE("bench options: who goes on beside it speaks the same protocol, or says nothing") {
    CHECK(fails_with({"--beside", "upload:1"}, "--beside upload: speaks discard, and echo echo"));
    CHECK(fails_with({"--workload", "reply", "--beside", "echo:1"}, "--beside echo: speaks echo"));
    CHECK(parse({"--workload", "upload", "--beside", "idle:1"}).error.empty());
}

TEST_CASE("bench options: of the defaults those that the workload takes") {
    const auto line = parse({"--workload", "line"});
    CHECK(line.error.empty());
    CHECK(line.options.sizes == std::vector<std::size_t>{64});
    const auto fan_out = parse({"--workload", "fan-out"});
    CHECK(fan_out.error.empty());
    CHECK(fan_out.options.connections == std::vector<std::size_t>{10, 100, 1000});
    CHECK_FALSE(parse({"--workload", "line", "--size", "16k"}).error.empty());
}

TEST_CASE("bench options: of a scenario what excludes a given option gives way to it") {
    const auto shared = parse({"--scenario", "cpu-work", "--same-core"});
    CHECK(shared.error.empty());
    CHECK_FALSE(shared.options.spread);
    const auto spread = parse({"--scenario", "upload", "--spread"});
    CHECK(spread.error.empty());
    CHECK_FALSE(spread.options.same_core);
    const auto knee = parse({"--scenario", "open-loop", "--find-knee", "--slo", "p99<2ms"});
    CHECK(knee.error.empty());
    CHECK(knee.options.rate == 0);
}

TEST_CASE("bench options: a scenario stands for options that were not given") {
    const auto [options, error] = parse({"--scenario", "cpu-work", "--connections", "3"});
    CHECK(error.empty());
    CHECK(options.workload == "reply");
    CHECK(options.work == 1ms);
    CHECK(options.spread);
    CHECK(options.connections == std::vector<std::size_t>{3});
    CHECK(options.sizes == std::vector<std::size_t>{64});
}
