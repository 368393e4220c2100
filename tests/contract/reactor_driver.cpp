#include <doctest/doctest.h>

#include "drivers.hpp"

using namespace switchboard;

OnReactor::~OnReactor() {
    if (thread_.joinable()) abort();
}

void OnReactor::start(ProtocolFactory factory, Limits limits) {
    limits_ = limits;
    const auto listening =
        reactor_.listen(Endpoint::tcp("127.0.0.1", 0), std::move(factory), {.limits = limits});
    REQUIRE(listening);
    endpoint_ = listening->local;
    thread_ = std::thread([this] { reactor_.run(); });
}

std::unique_ptr<Peer> OnReactor::connect() {
    return connect_socket(endpoint_);
}

bool OnReactor::refuses() {
    return refuses_socket(endpoint_);
}

void OnReactor::begin_drain() {
    reactor_.post([this] { reactor_.drain(limits_.drain_deadline, {}); });
}

void OnReactor::drain() {
    drain_within(limits_.drain_deadline);
}

void OnReactor::abort() {
    drain_within(std::chrono::milliseconds(0));
}

// With its listener gone and its last connection, run() has nothing left and returns.
void OnReactor::drain_within(std::chrono::milliseconds deadline) {
    reactor_.post([this, deadline] { reactor_.drain(deadline, {}); });
    thread_.join();
}
