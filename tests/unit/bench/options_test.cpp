#include <doctest/doctest.h>

#include <sys/resource.h>
#include <CLI/CLI.hpp>
#include <cli/compare_options.hpp>
#include <system/server_process.hpp>

using namespace switchboard::bench;
using namespace std::chrono_literals;

namespace {

struct Parsed {
    Experiment options;
    std::string error;  // empty if the options are valid
};

Parsed parse(std::vector<std::string> arguments) {
    Parsed parsed;
    CLI::App app;
    bool held = false;
    CompareOptions options;
    describe_compare(app, options, [&] { held = true; });
    std::reverse(arguments.begin(), arguments.end());
    try {
        app.parse(arguments);
        CHECK(held);
    } catch (const CLI::ParseError& error) {
        parsed.error = error.what();
        CHECK_FALSE(held);
    }
    parsed.options = options.experiment;
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
    CHECK(options.servers.size() ==
          static_cast<std::size_t>(std::ranges::count_if(
              server_kinds(), [](const ServerKind& kind) { return kind.speaks("echo"); })));
    CHECK(options.connections == std::vector<std::size_t>{1, 10, 100, 1000});
    CHECK(options.sizes == std::vector<std::size_t>{64, 16384});
    CHECK(options.depth == 1);
    CHECK(options.duration == 2s);
    CHECK(options.rounds == 5);
    CHECK(options.baseline == "reactor");
}

TEST_CASE("bench options: an empty or invalid item in a list is an error") {
    for (const char* list : {"1,,2", ",1", "1,", ""}) {
        CAPTURE(list);
        CHECK(fails_with({"--connections", list}, "--connections: '"));
        CHECK(fails_with({"--connections", list}, "has an empty item"));
    }
    CHECK(fails_with({"--connections", "1,x"}, "--connections: invalid count 'x'"));
    CHECK(fails_with({"--connections", "1,2k"}, "invalid count '2k'"));
    CHECK(fails_with({"--connections", "-1"}, "invalid count '-1'"));
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

TEST_CASE("bench options: explicit options override --quick") {
    const auto quick = parse({"--quick"}).options;
    CHECK(quick.connections == std::vector<std::size_t>{1, 100});
    CHECK(quick.rounds == 3);
    CHECK(quick.duration == 400ms);
    const auto mixed = parse({"--quick", "--rounds", "9", "--connections", "10"}).options;
    CHECK(mixed.rounds == 9);
    CHECK(mixed.connections == std::vector<std::size_t>{10});
    CHECK(mixed.sizes == std::vector<std::size_t>{64});
}

TEST_CASE("bench options: the tolerated noise is a percentage") {
    CHECK(parse({}).options.noise == 0.05);
    CHECK(parse({"--noise", "0.5%"}).options.noise == doctest::Approx(0.005));
    CHECK(parse({"--noise", "100%"}).options.noise == 1);
    for (const char* noise : {"5", "%", "five%", "-1%", "5 %", "5%%", ""}) {
        CAPTURE(noise);
        CHECK(fails_with({"--noise", noise}, "invalid percentage"));
    }
}

TEST_CASE("bench options: invalid options are reported in one line") {
    CHECK(fails_with({"--drivers", "reactr"},
                     "unknown driver 'reactr'; available: reactor, reactor-x2, iterative"));
    CHECK(fails_with({"--drivers", "reactor,reactor"}, "given more than once"));
    CHECK(fails_with({"--workload", "chat"}, "unknown workload 'chat'; available: "));
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
    CHECK(fails_with({"--baseline", "threads", "--drivers", "reactor"},
                     "threads is not among the servers"));
    CHECK(fails_with({"--over", "udp"}, "invalid --over 'udp'; available: tcp, unix"));
    CHECK(fails_with({"--nonsense"}, "nonsense"));
}

TEST_CASE("bench options: connections past the descriptor limit are refused, with the limit") {
    rlimit limit{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(fails_with({"--connections", std::to_string(limit.rlim_max)},
                     "descriptor limit is " + std::to_string(limit.rlim_max)));
    CHECK(parse({"--connections", std::to_string(limit.rlim_max - 64)}).error.empty());
}

TEST_CASE("bench options: the command lines of a driver and of a peer") {
    const ServerSetup setup{"echo", 116, 3};
    const auto pool = command_for(*find_server_kind("thread-pool"), "/bin", setup);
    CHECK(pool == std::vector<std::string>{"/bin/switchboard", "serve", "echo", "--driver",
                                           "thread-pool", "--listen", "tcp://127.0.0.1:0",
                                           "--limit", "backlog=4096", "--limit",
                                           "max_connections=116", "--workers", "3"});
    CHECK(command_for(*find_server_kind("bare-uv"), "/bin", setup) ==
          std::vector<std::string>{"/bin/bare-uv"});
    CHECK(command_for(*find_server_kind("reactor-x3"), "/bin", setup) ==
          std::vector<std::string>{"/bin/switchboard", "serve", "echo", "--driver", "reactor",
                                   "--listen", "tcp://127.0.0.1:0", "--limit", "backlog=4096",
                                   "--limit", "max_connections=116", "--reactors", "3"});
    CHECK_FALSE(find_server_kind("nobody"));
}

TEST_CASE("bench options: reactor-xN is valid for 2 to 64, and reactor-x2 is a default") {
    const auto [options, error] = parse({"--drivers", "reactor-x64,reactor-x2,reactor-x10"});
    CHECK(error.empty());
    for (const char* name :
         {"reactor-x1", "reactor-x65", "reactor-x02", "reactor-x", "reactor-x2 "})
        CHECK(fails_with({"--drivers", name},
                         std::string("unknown driver '") + name + "'; available: "));
    const auto all = parse({}).options;
    CHECK(std::count(all.servers.begin(), all.servers.end(), "reactor-x2") == 1);
}

TEST_CASE(
    "bench options: drivers and bare peers are always available, other peers may be missing") {
    for (const ServerKind& kind : server_kinds()) {
        CAPTURE(kind.name);
        CHECK(kind.may_be_missing() == !(kind.is_driver() || kind.name.starts_with("bare-")));
    }
}

TEST_CASE("bench options: options that exclude each other, or belong to one workload") {
    CHECK(fails_with({"--same-core", "--spread"}, "exclude each other"));
    CHECK(fails_with({"--work", "1ms"}, "--work requires --workload reply"));
    CHECK(fails_with({"--workload", "upload", "--rate", "10"}, "upload has no requests"));
    CHECK(fails_with({"--rate", "10", "--exchanges", "5"}, "--exchanges excludes --rate"));
    CHECK(fails_with({"--background", "idle"},
                     "invalid --background 'idle'; an example is idle:100"));
    CHECK(fails_with({"--arrivals", "never"},
                     "invalid arrivals 'never'; available: constant, poisson"));
    CHECK(fails_with({"--scenario", "nothing"},
                     "unknown scenario 'nothing'; available: slow-client, stalled-clients, "));
    CHECK(parse({"--workload", "reply", "--work", "500us"}).options.work == 500us);
}

TEST_CASE("bench options: options without effect are refused") {
    CHECK(fails_with({"--arrivals", "poisson"}, "--arrivals requires --rate"));
    CHECK(fails_with({"--reply", "4"}, "--reply requires --workload reply"));
    CHECK(fails_with({"--workload", "connect", "--depth", "4"},
                     "--depth: workload connect has at most one request"));
    CHECK(fails_with({"--workload", "stalled"},
                     "--workload stalled has nothing to compare; use --background stalled:N"));
}

TEST_CASE("bench options: the background uses the same protocol, or sends nothing") {
    CHECK(fails_with({"--background", "upload:1"},
                     "--background upload: its protocol is discard, and that of echo is echo"));
    CHECK(fails_with({"--workload", "reply", "--background", "echo:1"},
                     "--background echo: its protocol is echo"));
    CHECK(parse({"--workload", "upload", "--background", "idle:1"}).error.empty());
}

TEST_CASE("bench options: only defaults that the workload supports are used") {
    const auto line = parse({"--workload", "line"});
    CHECK(line.error.empty());
    CHECK(line.options.sizes == std::vector<std::size_t>{64});
    const auto fan_out = parse({"--workload", "fan-out"});
    CHECK(fan_out.error.empty());
    CHECK(fan_out.options.connections == std::vector<std::size_t>{10, 100, 1000});
    CHECK_FALSE(parse({"--workload", "line", "--size", "16k"}).error.empty());
}

TEST_CASE("bench options: an explicit option removes options of a scenario that exclude it") {
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

TEST_CASE("bench options: a scenario sets the options that were not given") {
    const auto [options, error] = parse({"--scenario", "cpu-work", "--connections", "3"});
    CHECK(error.empty());
    CHECK(options.workload == "reply");
    CHECK(options.work == 1ms);
    CHECK(options.spread);
    CHECK(options.connections == std::vector<std::size_t>{3});
    CHECK(options.sizes == std::vector<std::size_t>{64});
}
