#include <doctest/doctest.h>

#include "drivers.hpp"

using namespace switchboard;

OnReactor::~OnReactor() {
    if (thread_.joinable()) abort();
}

void OnReactor::start(ProtocolFactory factory, Limits limits) {
    limits_ = limits;
    const auto listening =
        reactor_.listen(Endpoint::tcp("127.0.0.1", 0), std::move(factory),
                        {.server = limits.server, .connection = limits.connection});
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
    reactor_.post([this] { reactor_.drain(limits_.server.drain_timeout, {}); });
}

void OnReactor::drain() {
    drain_within(limits_.server.drain_timeout);
}

void OnReactor::abort() {
    drain_within(std::chrono::milliseconds(0));
}

// When the listener and the last connection are gone, run() has nothing left to do and returns.
void OnReactor::drain_within(std::chrono::milliseconds deadline) {
    reactor_.post([this, deadline] { reactor_.drain(deadline, {}); });
    thread_.join();
}
