#include "attempt_plan.hpp"

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

std::string interleaved(const std::vector<std::string>& hosts) {
    std::string text;
    for (const SocketAddress& a : detail::interleave(addresses(hosts)))
        text += Endpoint::from(a).host() + " ";
    return text;
}

AttemptPlan plan(const std::vector<std::string>& hosts) {
    return {endpoint("name:80"), addresses(hosts), 250ms};
}

}  // namespace

TEST_CASE("attempt plan: the families take turns, the first address's first") {
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

TEST_CASE("attempt plan: what was never tried is not named") {
    AttemptPlan tries = plan({"::1", "1.1.1.1"});
    CHECK(tries.timed_out().message() == "connect tcp://name:80: connect timed out");
    tries.start(kStart);
    CHECK(tries.timed_out().message() == "connect tcp://name:80: ::1: connect timed out");
    AttemptPlan number(endpoint("1.1.1.1:80"), addresses({"1.1.1.1"}), 250ms);
    number.failed(number.start(kStart), std::make_error_code(std::errc::connection_refused));
    CHECK(number.error().message() == "connect tcp://1.1.1.1:80: connection refused");
}
