// Thousands of peers that send a request byte by byte must cost the other clients little, and must be gone
// soon: heads of HTTP, and handshakes of TLS. So must peers that read a file in sips.
#include <doctest/doctest.h>

#include <fmt/format.h>
#include <algorithm>
#include <base/parse.hpp>
#include <base/text.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <generator/generator.hpp>
#include <optional>
#include <self_test/trial.hpp>
#include <system/certificate.hpp>
#include <system/usage.hpp>
#include <workload/web.hpp>

#include "drippers.hpp"
#include "scale.hpp"
#include "sippers.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPage = 64;
constexpr double kDripMostSlower = 1.2;
constexpr milliseconds kDripLimit{10'000};  // head_timeout of HTTP and handshake_timeout of TLS
// write_stall_timeout, for peers that read. Their windows stay closed, since eight bytes a second do not make
// room for a packet.
constexpr milliseconds kStallLimit = kDripLimit;
constexpr milliseconds kDripGrace{1'000};
constexpr std::uintmax_t kLargeFile =
    64 * 1024 * 1024;                  // more than the buffers of both sockets hold
constexpr double kMostMemory = 2'048;  // bytes, for a peer that reads a file

enum class Slow : unsigned char { heads, handshakes, reads };

struct DripOptions {
    Slow slow = Slow::heads;
    std::size_t peers = 9'000;
    std::size_t others = 100;
    std::size_t rounds = 9;
    double rate = 5'000;  // requests a second of the others
    milliseconds duration{3'000};
};

struct DripFigures {
    double alone = 0, beside = 0;  // p99, in seconds
    milliseconds longest{0};
    double memory = 0;  // of the server, in bytes per slow peer
};

// A folder with a page for the others and a large file, which has no blocks.
class SlowFolder {
public:
    SlowFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "switchboard-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
        REQUIRE(write_file(path() + "/index.html", hello_page(kPage)));
        REQUIRE(write_file(path() + "/large", ""));
        std::filesystem::resize_file(path() + "/large", kLargeFile);
    }
    SlowFolder(const SlowFolder&) = delete;
    SlowFolder& operator=(const SlowFolder&) = delete;
    ~SlowFolder() { std::filesystem::remove_all(path_); }
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

Result<double> p99_of(const DripOptions& options, const Endpoint& server) {
    LoadPlan plan;
    plan.target = server;
    plan.group = {.workload = "http", .connections = options.others, .size = kPage};
    plan.group.tls = options.slow == Slow::handshakes;
    plan.rate = options.rate;
    plan.duration = options.duration;
    const auto load = run_load(plan);
    if (!load) return tl::unexpected(load.error());
    if (load->tally.failed > 0 || load->tally.answered < options.others)
        return fail(errc::unsupported, load->tally.failures_text() + " of the others");
    return static_cast<double>(load->tally.latency.percentile(99)) * 1e-9;
}

Result<void> wait_for_all(const std::function<std::size_t()>& count, std::size_t all,
                          milliseconds most) {
    if (wait_until([&] { return count() == all; }, most)) return {};
    return fail(std::make_error_code(std::errc::timed_out),
                fmt::format("{} of {} slow peers", count(), all));
}

// Measures the others beside the slow peers, and waits until all of these are gone. The memory is all of the
// server's.
template <class Peers>
Result<DripFigures> measure_beside(const DripOptions& options, const Server& server,
                                   const Peers& slow) {
    const auto connected = [&] { return slow.connected() + slow.failures(); };
    if (auto all = wait_for_all(connected, options.peers, kDripLimit / 2); !all)
        return tl::unexpected(all.error());
    const auto beside = p99_of(options, server.endpoint());
    if (!beside) return tl::unexpected(beside.error());
    const auto memory = static_cast<double>(read_memory(server.pid()));
    const auto gone = [&] { return slow.gone(); };
    if (auto all = wait_for_all(gone, options.peers, 2 * kDripLimit); !all)
        return tl::unexpected(all.error());
    if (slow.failures() > 0) return fail(errc::unsupported, "a slow peer could not connect");
    return DripFigures{0, *beside, slow.longest(), memory};
}

// Few peers cost the generator nothing. If they were polite, other programs could keep them from noticing
// that they are gone.
Result<DripFigures> measure_slow(const DripOptions& options, const Server& server) {
    const bool polite = !soak_is_short();
    if (options.slow == Slow::reads) {
        const Sippers slow(server.endpoint(),
                           {.count = options.peers,
                            .request = "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n",
                            .polite = polite});
        return measure_beside(options, server, slow);
    }
    // A record of TLS with 512 bytes, or a head whose field never ends. The peers send their bytes at the
    // same moments of a second as they connected: in bursts of up to 64, which is harder than evenly.
    const bool tls = options.slow == Slow::handshakes;
    const Drippers slow(server.endpoint(), {.count = options.peers,
                                            .opening = tls ? std::string("\x16\x03\x01\x02\x00", 5)
                                                           : std::string("GET / HTTP/1.1\r\nX: "),
                                            .drop = tls ? '\0' : 'a',
                                            .polite = polite});
    return measure_beside(options, server, slow);
}

Result<DripFigures> measure_drip(const DripOptions& options, const CpuPlan& cpus) {
    auto certificate = CertificateFiles::make();
    if (!certificate) return tl::unexpected(certificate.error());
    const SlowFolder folder;
    ServerSetup setup{"hello", options.peers + 2 * options.others + 100, 1};
    setup.options = {fmt::format("size={}", kPage)};
    if (options.slow == Slow::handshakes) setup.tls = certificate->paths();
    if (options.slow == Slow::reads) {
        setup.protocol = "http";
        setup.options = {"root=" + folder.path()};
        setup.arguments = {"--limit", fmt::format("write_stall_timeout={}ms", kStallLimit.count())};
    }
    auto server = Server::start(command_for(*find_server_kind("reactor"), own_folder(), setup),
                                {cpus.server});
    if (!server) return tl::unexpected(server.error());
    const auto first = p99_of(options, server->endpoint());
    if (!first) return tl::unexpected(first.error());
    const auto before = static_cast<double>(read_memory(server->pid()));
    auto figures = measure_slow(options, *server);
    if (!figures) return figures;
    figures->memory = (figures->memory - before) / static_cast<double>(options.peers);
    const auto last = p99_of(options, server->endpoint());
    if (!last) return tl::unexpected(last.error());
    figures->alone = (*first + *last) / 2;
    return figures;
}

int drip(const DripOptions& options) {
    return run_checks([&](const CpuPlan& cpus, Checks& checks) -> Result<void> {
        if (auto pinned = pin_to(cpus.generator); !pinned) return pinned;
        std::printf("%zu peers that %s a second, and %zu others over %s\n", options.peers,
                    options.slow == Slow::reads ? "read eight bytes" : "send a byte",
                    options.others, options.slow == Slow::handshakes ? "TLS" : "TCP");
        std::fflush(stdout);
        Rounds alone, beside, memory;
        milliseconds longest{0};
        for (std::size_t round = 0; round < options.rounds; ++round) {
            const auto figures = measure_drip(options, cpus);
            if (!figures) return tl::unexpected(figures.error());
            alone.emplace_back(figures->alone);
            beside.emplace_back(figures->beside);
            memory.emplace_back(figures->memory);
            longest = std::max(longest, figures->longest);
        }
        checks.note("p99 alone", seconds_text(summarize(alone)->median));
        checks.note("p99 beside them", seconds_text(summarize(beside)->median));
        check_at_most(checks, {"p99, ratio", kDripMostSlower}, paired_ratios(beside, alone));
        // Other programs may keep a short run from noticing in time, and sanitizers take memory.
        const auto grace = soak_is_short() ? kDripLimit : kDripGrace;
        checks.at_most("the last is gone after", static_cast<double>(longest.count()) * 1e-3,
                       static_cast<double>((kDripLimit + grace).count()) * 1e-3, seconds_text);
        const double bytes = summarize(memory)->median;
        const auto text = [](double value) { return grouped(value) + " B"; };
        options.slow == Slow::reads && !soak_is_short()
            ? checks.at_most("the server's memory for each", bytes, kMostMemory, text)
            : checks.note("the server's memory for each", text(bytes));
        return {};
    });
}

DripOptions short_drip(DripOptions options) {
    if (!soak_is_short()) return options;
    options.peers = 50;
    options.others = 3;
    options.rounds = 1;
    options.rate = 100;
    options.duration = milliseconds(100);
    return options;
}

}  // namespace
}  // namespace switchboard::bench

TEST_CASE("soak drip: 9,000 slow heads of HTTP cost the others little, and are gone in time") {
    CHECK(switchboard::bench::drip(switchboard::bench::short_drip({})) == 0);
}

TEST_CASE("soak drip: 9,000 slow handshakes of TLS cost the others little, and are gone in time") {
    CHECK(switchboard::bench::drip(
              switchboard::bench::short_drip({.slow = switchboard::bench::Slow::handshakes})) == 0);
}

TEST_CASE("soak drip: 9,000 slow readers of a file cost the others little, and are gone in time") {
    CHECK(switchboard::bench::drip(
              switchboard::bench::short_drip({.slow = switchboard::bench::Slow::reads})) == 0);
}
