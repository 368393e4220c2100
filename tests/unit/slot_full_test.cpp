// Protocols that read on while what they wrote waits.
#include <doctest/doctest.h>

#include "slot_driver.hpp"

using namespace switchboard;

namespace {

class ReadsOn final : public Protocol {
public:
    explicit ReadsOn(std::string& got) : got_(got) {}
    std::size_t on_data(Connection&, MutableBytes in) override {
        got_ += as_text(in);
        return in.size();
    }
    bool reads_when_full() const noexcept override { return true; }

private:
    std::string& got_;
};

}  // namespace

TEST_CASE("slot: a handler that reads when full is held back by nobody but itself") {
    std::string got;
    Driver d(std::make_unique<ReadsOn>(got));
    d.slot.open(d);
    d.slot.hold(Slot::Hold::backpressure);
    CHECK(d.slot.held(Slot::Hold::backpressure));
    CHECK_FALSE(d.slot.held());
    d.arrive("on");
    CHECK(got == "on");
    d.slot.hold(Slot::Hold::handler);
    d.arrive("held");
    CHECK(got == "on");
    d.slot.release(Slot::Hold::backpressure);
    CHECK(d.slot.held());
}

TEST_CASE("slot: after a switch it is the next handler that minds backpressure or does not") {
    std::string got;
    Log log;
    Driver d(std::make_unique<ReadsOn>(got));
    d.slot.open(d);
    d.slot.hold(Slot::Hold::backpressure);
    d.slot.switch_to(d, make(noting(log, "next")));
    d.slot.resume(d);
    CHECK(d.slot.held());
    d.arrive("waits");
    CHECK(d.slot.unread() == 5);
    d.slot.switch_to(d, std::make_unique<ReadsOn>(got));
    d.slot.resume(d);
    CHECK_FALSE(d.slot.held());
    CHECK(got == "waits");
}
