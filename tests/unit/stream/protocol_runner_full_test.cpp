// Protocols that go on reading under backpressure.
#include <doctest/doctest.h>

#include <switchboard/callbacks.hpp>

#include "protocol_runner_driver.hpp"

using namespace switchboard;

namespace {

std::unique_ptr<Protocol> reading_on(std::string& got) {
    return make_protocol({.on_data =
                              [&got](Connection&, MutableBytes in) {
                                  got += as_text(in);
                                  return in.size();
                              },
                          .reads_under_backpressure = [] { return true; }});
}

}  // namespace

TEST_CASE("protocol runner: backpressure does not hold back a handler that reads when full") {
    std::string got;
    Driver d(reading_on(got));
    d.slot.open(d);
    d.slot.hold(ProtocolRunner::Hold::backpressure);
    CHECK(d.slot.held(ProtocolRunner::Hold::backpressure));
    CHECK_FALSE(d.slot.held());
    d.arrive("on");
    CHECK(got == "on");
    d.slot.hold(ProtocolRunner::Hold::handler);
    d.arrive("held");
    CHECK(got == "on");
    d.slot.release(ProtocolRunner::Hold::backpressure);
    CHECK(d.slot.held());
}

TEST_CASE(
    "protocol runner: after a switch, the next handler determines whether backpressure holds") {
    std::string got;
    Log log;
    Driver d(reading_on(got));
    d.slot.open(d);
    d.slot.hold(ProtocolRunner::Hold::backpressure);
    d.slot.switch_to(d, make_protocol(noting(log, "next")));
    d.slot.resume(d);
    CHECK(d.slot.held());
    d.arrive("waits");
    CHECK(d.slot.unread() == 5);
    d.slot.switch_to(d, reading_on(got));
    d.slot.resume(d);
    CHECK_FALSE(d.slot.held());
    CHECK(got == "waits");
}
