// Thousands of peers that send a request byte by byte must cost the other clients little, and must be gone
// soon: heads of HTTP, and handshakes of TLS.
#include <doctest/doctest.h>

#include <fmt/format.h>
#include <algorithm>
#include <base/parse.hpp>
#include <base/text.hpp>
#include <cstdio>
#include <functional>
#include <generator/generator.hpp>
#include <optional>
#include <self_test/trial.hpp>
#include <system/certificate.hpp>

#include "drippers.hpp"
#include "scale.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPage = 64;
constexpr double kDripMostSlower = 1.2;
constexpr milliseconds kDripLimit{10'000};  // head_timeout of HTTP and handshake_timeout of TLS
constexpr milliseconds kDripGrace{1'000};

struct DripOptions {
    bool tls = false;
    std::size_t peers = 9'000;
    std::size_t others = 100;
    std::size_t rounds = 5;
    double rate = 5'000;  // requests a second of the others
    milliseconds duration{3'000};
};

struct DripFigures {
    double alone = 0, beside = 0;  // p99, in seconds
    milliseconds longest{0};
};

Result<double> p99_of(const DripOptions& options, const Endpoint& server) {
    LoadPlan plan;
    plan.target = server;
    plan.group = {.workload = "http", .connections = options.others, .size = kPage};
    plan.group.tls = options.tls;
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

Result<DripFigures> measure_drip(const DripOptions& options, const CpuPlan& cpus) {
    auto certificate = CertificateFiles::make();
    if (!certificate) return tl::unexpected(certificate.error());
    ServerSetup setup{"hello", options.peers + 2 * options.others + 100, 1};
    setup.options = {fmt::format("size={}", kPage)};
    if (options.tls) setup.tls = certificate->paths();
    auto server = Server::start(command_for(*find_server_kind("reactor"), own_folder(), setup),
                                {cpus.server});
    if (!server) return tl::unexpected(server.error());
    const auto alone = p99_of(options, server->endpoint());
    if (!alone) return tl::unexpected(alone.error());
    // A record of TLS with 512 bytes, and a head whose field never ends.
    // Few peers cost the generator nothing. If they were polite, other programs could keep them from noticing
    // that they are gone.
    Drippers slow(server->endpoint(),
                  {.count = options.peers,
                   .opening = options.tls ? std::string("\x16\x03\x01\x02\x00", 5)
                                          : std::string("GET / HTTP/1.1\r\nX: "),
                   .drop = options.tls ? '\0' : 'a',
                   .polite = !soak_is_short()});
    const auto connected = [&] { return slow.connected() + slow.failures(); };
    if (auto all = wait_for_all(connected, options.peers, kDripLimit / 2); !all)
        return tl::unexpected(all.error());
    const auto beside = p99_of(options, server->endpoint());
    if (!beside) return tl::unexpected(beside.error());
    const auto gone = [&] { return slow.gone(); };
    if (auto all = wait_for_all(gone, options.peers, 2 * kDripLimit); !all)
        return tl::unexpected(all.error());
    if (slow.failures() > 0) return fail(errc::unsupported, "a slow peer could not connect");
    return DripFigures{*alone, *beside, slow.longest()};
}

int drip(const DripOptions& options) {
    return run_checks([&](const CpuPlan& cpus, Checks& checks) -> Result<void> {
        if (auto pinned = pin_to(cpus.generator); !pinned) return pinned;
        std::printf("%zu peers that send a byte a second, and %zu others over %s\n", options.peers,
                    options.others, options.tls ? "TLS" : "TCP");
        std::fflush(stdout);
        Rounds alone, beside;
        milliseconds longest{0};
        for (std::size_t round = 0; round < options.rounds; ++round) {
            const auto figures = measure_drip(options, cpus);
            if (!figures) return tl::unexpected(figures.error());
            alone.emplace_back(figures->alone);
            beside.emplace_back(figures->beside);
            longest = std::max(longest, figures->longest);
        }
        checks.note("p99 alone", seconds_text(summarize(alone)->median));
        checks.note("p99 beside them", seconds_text(summarize(beside)->median));
        check_at_most(checks, {"p99, ratio", kDripMostSlower}, paired_ratios(beside, alone));
        checks.at_most("the last is gone after", static_cast<double>(longest.count()) * 1e-3,
                       static_cast<double>((kDripLimit + kDripGrace).count()) * 1e-3, seconds_text);
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
    CHECK(switchboard::bench::drip(switchboard::bench::short_drip({.tls = true})) == 0);
}
