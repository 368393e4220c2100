// DatagramPort, which all datagram drivers share, without a driver.
#include <doctest/doctest.h>

#include "datagram/port.hpp"
#include "datagram_handlers.hpp"

using namespace switchboard;

namespace {

const DatagramAddress kPeer = DatagramAddress::of(Endpoint::udp("10.0.0.1", 7)).value();

// A port that is connected to kPeer. It records the addresses that it is told to send to.
class Port final : public detail::DatagramPort {
public:
    explicit Port(test::Handler::Does does)
        : DatagramPort(std::make_unique<test::Handler>(std::move(does)), {}, kPeer) {}

    Clock::time_point now() const override { return {}; }
    Result<void> set(DatagramOption, int) override { return {}; }
    Result<void> join(const DatagramAddress&, const std::string&) override { return {}; }
    Result<void> leave(const DatagramAddress&, const std::string&) override { return {}; }
    const Endpoint& local() const override { return nobody_; }
    const Endpoint& peer() const override { return nobody_; }

    std::vector<DatagramAddress> sent_to;

private:
    void transmit() override {
        for (; !queue().empty(); queue().pop()) sent_to.push_back(queue().at(0).to);
    }
    void schedule_end_of_turn() override {}

    Endpoint nobody_;
};

}  // namespace

TEST_CASE("datagram port: datagrams to the connected peer are sent without an address") {
    const DatagramAddress other = DatagramAddress::of(Endpoint::udp("10.0.0.1", 8)).value();
    Port port({.on_open = [&](DatagramSocket& s) {
        s.send("unnamed");
        s.send(kPeer, "named, as the answer to what came from there");
        s.send(other, "to somebody else");
    }});
    port.open();
    port.settle();
    CHECK(port.sent_to == std::vector<DatagramAddress>{{}, {}, other});
}

TEST_CASE("datagram port: an error of the connected peer names it, also for earlier datagrams") {
    std::vector<DatagramError> errors;
    Port port({.on_error = [&](DatagramSocket&, const DatagramError& e) { errors.push_back(e); }});
    port.note(std::make_error_code(std::errc::message_size), {}, 9);
    port.note_earlier(std::make_error_code(std::errc::message_size));
    port.note(std::make_error_code(std::errc::message_size), kPeer, 10);
    port.settle();
    REQUIRE(errors.size() == 2);
    CHECK(errors[0].peer == kPeer);
    CHECK(errors[0].size == 9);
    CHECK(errors[0].count == 2);
    CHECK_FALSE(errors[0].earlier);
    CHECK(errors[1].peer == kPeer);
    CHECK(errors[1].size == 0);
    CHECK(errors[1].count == 1);
    CHECK(errors[1].earlier);
}
