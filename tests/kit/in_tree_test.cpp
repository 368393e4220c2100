// Every protocol and every layer of the tree, with the transcripts in transcripts/.
#include <doctest/doctest.h>

#include <switchboard/callbacks.hpp>
#include <switchboard/exchange.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/metrics.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/relay.hpp>
#include <switchboard/replies.hpp>
#include <switchboard/testing/check.hpp>
#include <switchboard/testing/doctest.hpp>
#include <switchboard/throttle.hpp>

#include "proxy_ends.hpp"
#include "transcript_files.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::transcripts;

namespace {

WallClock at_the_example() {
    return [] { return std::chrono::system_clock::from_time_t(784'111'777); };
}

// Makes each protocol from a factory of its own, so that they share no state.
ProtocolFactory each_from_its_own(std::function<ProtocolFactory()> make) {
    return [make = std::move(make)] { return make()(); };
}

}  // namespace

TEST_CASE("in-tree: echo, discard, daytime, time, qotd") {
    CHECK_TRANSCRIPTS(factory_of<Echo>(), transcripts("echo"));
    Registry registry;
    register_inetd(registry, at_the_example());
    CHECK_TRANSCRIPTS(registry.make("coroutine-echo", {}, {}).value(), transcripts("echo"));
    CHECK_TRANSCRIPTS(factory_of<Discard>(), transcripts("discard"));
    CHECK_TRANSCRIPTS(factory_of<Daytime>(at_the_example()), transcripts("daytime"));
    CHECK_TRANSCRIPTS(factory_of<Time>(at_the_example()), transcripts("time"));
    const Qotd::Choice quote = [] { return std::string_view("To be or not to be."); };
    CHECK_TRANSCRIPTS(factory_of<Qotd>(quote), transcripts("qotd"));
}

TEST_CASE("in-tree: chargen, which has no end, behind a throttle") {
    const auto pages = throttled(factory_of<Chargen>(), {.out_per_second = 740, .burst = 1s});
    REQUIRE(pages.has_value());
    CHECK_TRANSCRIPTS(*pages, transcripts("chargen"));
}

TEST_CASE("in-tree: lines, frames, reply") {
    CHECK_TRANSCRIPTS(factory_of<LineEcho>(), transcripts("lines"), {.most_runs = 500});
    CHECK_TRANSCRIPTS(factory_of<FrameEcho>(), transcripts("frames"));
    CHECK_TRANSCRIPTS(factory_of<Replier>(), transcripts("reply"));
}

TEST_CASE("in-tree: a member of a hub, and a relay without a target") {
    const auto nobody = [](ConnectionId) { return nullptr; };
    CHECK_TRANSCRIPTS(each_from_its_own([&] { return make_hub(nobody); }), transcripts("hub"),
                      {.most_runs = 500});
    const auto refused = [](std::unique_ptr<Protocol>) -> Result<ConnectionId> {
        return fail(std::make_error_code(std::errc::connection_refused), "connect");
    };
    CHECK_TRANSCRIPTS(make_relay(refused, nobody), transcripts("relay"));
}

TEST_CASE("in-tree: metrics") {
    const auto nobody_asks = [](const auto&) { FAIL_CHECK("nobody may be asked for this"); };
    CHECK_TRANSCRIPTS(make_metrics(nobody_asks), transcripts("metrics"), {.most_runs = 500});
}

TEST_CASE("in-tree: the client of exchange()") {
    const auto client = [] {
        const Bytes request = as_bytes("ping\n");
        return make_exchange(
            {request.begin(), request.end()},
            {.reply_framing = Framing::delimited("\n"), .shutdown_after_request = false},
            [](const auto&) {});
    };
    CHECK_TRANSCRIPTS(client, transcripts("exchange"));
}

TEST_CASE("in-tree: the layers proxy and throttle call the protocol above in order") {
    const auto receiving = [](ProtocolFactory above) {
        return test::behind_proxy(std::move(above), test::trusting());
    };
    CHECK_LAYER(receiving, test::telling(), transcripts("proxy_receive"));
    const auto sending = [](ProtocolFactory above) {
        return test::proxying(std::move(above), {.version = 1});
    };
    const auto greets = callbacks([] {
        return Callbacks{.on_open = [](Connection& c) { c.write("hello\n"); },
                         .on_data =
                             [](Connection& c, MutableBytes in) {
                                 c.write(in);
                                 return in.size();
                             }};
    });
    CHECK_LAYER(sending, greets, transcripts("proxy_send"));
    const auto slow = [](ProtocolFactory above) {
        return throttled(std::move(above), {.out_per_second = 4'000, .burst = 1s}).value();
    };
    CHECK_LAYER(slow, factory_of<Echo>(), transcripts("throttle"), {.most_runs = 50});
}
