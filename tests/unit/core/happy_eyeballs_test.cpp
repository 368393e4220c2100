#include "net/happy_eyeballs.hpp"

#include "loopback.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using detail::AttemptPlan;

namespace {

const detail::TimePoint kStart{1h};

std::vector<SocketAddress> addresses(const std::vector<std::string>& hosts) {
    std::vector<SocketAddress> all;
    for (const std::string& host : hosts)
        all.push_back(Endpoint::tcp(host, 80).addresses().value().front());
    return all;
}

AttemptPlan plan(const std::vector<std::string>& hosts) {
    AttemptPlan made(endpoint("name:80"), 250ms);
    made.add(addresses(hosts));
    return made;
}

// Returns the addresses that are left to try, in order.
std::string rest_of(AttemptPlan& tries) {
    std::string text;
    while (tries.due() != detail::TimePoint::max())
        text += Endpoint::from(tries.start(kStart)).host() + " ";
    return text;
}

std::string interleaved(const std::vector<std::string>& hosts) {
    AttemptPlan tries = plan(hosts);
    return rest_of(tries);
}

}  // namespace

TEST_CASE("attempt plan: the families take turns, starting with that of the first address") {
    CHECK(interleaved({"::1", "::2", "::3", "1.1.1.1", "1.1.1.2"}) ==
          "::1 1.1.1.1 ::2 1.1.1.2 ::3 ");
    CHECK(interleaved({"1.1.1.1", "::1", "::2"}) == "1.1.1.1 ::1 ::2 ");
    CHECK(interleaved({"::1", "::2"}) == "::1 ::2 ");
    CHECK(interleaved({}) == "");
}

TEST_CASE("attempt plan: the next attempt is due a delay later, or once one fails") {
    AttemptPlan tries = plan({"::1", "1.1.1.1", "::2"});
    CHECK(tries.due() <= kStart);
    const SocketAddress& first = tries.start(kStart);
    CHECK(tries.due() == kStart + 250ms);
    const SocketAddress& second = tries.start(kStart + 250ms);
    CHECK(tries.due() == kStart + 500ms);
    tries.failed(second, std::make_error_code(std::errc::connection_refused));
    CHECK(tries.due() <= kStart + 250ms);
    const SocketAddress& third = tries.start(kStart + 260ms);
    CHECK(tries.due() == detail::TimePoint::max());
    tries.failed(third, std::make_error_code(std::errc::host_unreachable));
    CHECK_FALSE(tries.all_failed());
    CHECK(tries.timed_out().message() ==
          "connect tcp://name:80: 1.1.1.1: connection refused; ::2: no route to host; "
          "::1: connect timed out");
    tries.failed(first, std::make_error_code(std::errc::network_unreachable));
    CHECK(tries.all_failed());
    CHECK(tries.error() == std::errc::network_unreachable);
    CHECK(tries.error().message() ==
          "connect tcp://name:80: 1.1.1.1: connection refused; ::2: no route to host; "
          "::1: network is unreachable");
}

TEST_CASE("attempt plan: errors do not name addresses that were never tried") {
    AttemptPlan tries = plan({"::1", "1.1.1.1"});
    CHECK(tries.timed_out().message() == "connect tcp://name:80: connect timed out");
    tries.start(kStart);
    CHECK(tries.timed_out().message() == "connect tcp://name:80: ::1: connect timed out");
    AttemptPlan number(endpoint("1.1.1.1:80"), 250ms);
    number.add(addresses({"1.1.1.1"}));
    number.failed(number.start(kStart), std::make_error_code(std::errc::connection_refused));
    CHECK(number.error().message() == "connect tcp://1.1.1.1:80: connection refused");
}

TEST_CASE("attempt plan: late addresses take turns with those that are not tried yet") {
    AttemptPlan tries = plan({"1.1.1.1", "1.1.1.2", "1.1.1.3"});
    const SocketAddress& first = tries.start(kStart);
    tries.add(addresses({"::1", "::2"}));
    CHECK(tries.due() == kStart + 250ms);
    CHECK(rest_of(tries) == "::1 1.1.1.2 ::2 1.1.1.3 ");
    tries.failed(first, std::make_error_code(std::errc::connection_refused));
    CHECK(tries.timed_out().message().starts_with(
        "connect tcp://name:80: 1.1.1.1: connection refused; "));
}

TEST_CASE("attempt plan: addresses that arrive after all have failed are due at once") {
    AttemptPlan tries = plan({"1.1.1.1"});
    tries.failed(tries.start(kStart), std::make_error_code(std::errc::connection_refused));
    CHECK(tries.all_failed());
    tries.add(addresses({"::1"}));
    CHECK_FALSE(tries.all_failed());
    CHECK(tries.due() <= kStart);
    tries.add({});
    CHECK(rest_of(tries) == "::1 ");
}

TEST_CASE(
    "attempt plan: an attempt that could not begin is due again after 1 ms, doubled up to 50 ms") {
    AttemptPlan tries = plan({"1.1.1.1"});
    detail::TimePoint now = kStart;
    for (const auto pause : {1ms, 2ms, 4ms, 8ms, 16ms, 32ms, 50ms, 50ms}) {
        tries.start(now);
        tries.postpone(now);
        CHECK(tries.due() == now + pause);
        now = tries.due();
    }
    CHECK_FALSE(tries.all_failed());
    CHECK(tries.timed_out().message() == "connect tcp://name:80: connect timed out");
}
