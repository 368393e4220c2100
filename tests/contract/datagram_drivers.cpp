#include "datagram_drivers.hpp"

#include <poll.h>

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

const Endpoint kLoopback = Endpoint::udp("127.0.0.1", 0);
const Endpoint kInMemory = Endpoint::udp("10.0.0.1", 7);

class SocketFarEnd final : public DatagramFarEnd {
public:
    explicit SocketFarEnd(const Endpoint& server) {
        auto socket = connect_datagram(server);
        REQUIRE(socket);
        socket_ = std::move(*socket);
    }
    // After the server has closed its socket, the system answers a datagram with an ICMP error, which the
    // next call reports.
    void send(std::string_view data) override {
        const auto sent = socket_.send(as_bytes(data));
        CHECK((sent || sent.error() == std::errc::connection_refused));
    }
    std::optional<std::string> receive() override {
        pollfd entry{socket_.fd(), POLLIN, 0};
        if (::poll(&entry, 1, 10'000) <= 0) return std::nullopt;
        std::string data(65'536, '\0');
        const auto got = socket_.receive({reinterpret_cast<std::byte*>(data.data()), data.size()});
        if (got) return data.substr(0, *got);
        return got.error() == std::errc::connection_refused ? receive() : std::nullopt;
    }
    Endpoint at() const override { return socket_.local().value(); }

private:
    Socket socket_;
};

class MemoryFarEnd final : public DatagramFarEnd {
public:
    MemoryFarEnd(MemoryDatagrams& driver, testing::MemoryHost& host, Endpoint at)
        : driver_(driver), host_(host), at_(std::move(at)) {}
    void send(std::string_view data) override { host_.send(kInMemory, data); }
    std::optional<std::string> receive() override {
        for (int i = 0; received_.empty() && i < 10'000; ++i) {
            driver_.pump();
            received_ = host_.take_received();
        }
        if (received_.empty()) return std::nullopt;
        std::string first = received_.front();
        received_.erase(received_.begin());
        return first;
    }
    Endpoint at() const override { return at_; }

private:
    MemoryDatagrams& driver_;
    testing::MemoryHost& host_;
    Endpoint at_;
    std::vector<std::string> received_;
};

}  // namespace

OnReactorDatagrams::~OnReactorDatagrams() {
    if (thread_.joinable()) abort();
}

void OnReactorDatagrams::start(std::unique_ptr<DatagramProtocol> protocol, DatagramLimits limits) {
    const auto bound = bind_datagram(reactor_, kLoopback, std::move(protocol), {.limits = limits});
    REQUIRE(bound);
    at_ = bound->local;
    thread_ = std::thread([this] { reactor_.run(); });
}

std::unique_ptr<DatagramFarEnd> OnReactorDatagrams::connect() {
    return std::make_unique<SocketFarEnd>(at_);
}

void OnReactorDatagrams::drain() {
    drain_within(30s);
}

void OnReactorDatagrams::abort() {
    drain_within(0ms);
}

void OnReactorDatagrams::drain_within(std::chrono::milliseconds deadline) {
    reactor_.post([this, deadline] { reactor_.drain(deadline, {}); });
    thread_.join();
}

BlockingDatagrams::BlockingDatagrams() : stop_(Stop::create().value()) {}

BlockingDatagrams::~BlockingDatagrams() {
    if (thread_.joinable()) abort();
}

void BlockingDatagrams::start(std::unique_ptr<DatagramProtocol> protocol, DatagramLimits limits) {
    auto socket = bind_datagram(kLoopback);
    REQUIRE(socket);
    socket_ = std::move(*socket);
    thread_ = std::thread([this, limits, protocol = std::move(protocol)]() mutable {
        DatagramServeOptions options;
        options.limits = limits;
        static_cast<void>(serve_datagrams(socket_, std::move(protocol), stop_, options));
    });
}

std::unique_ptr<DatagramFarEnd> BlockingDatagrams::connect() {
    return std::make_unique<SocketFarEnd>(socket_.local().value());
}

void BlockingDatagrams::drain() {
    stop_.drain();
    thread_.join();
}

void BlockingDatagrams::abort() {
    stop_.abort();
    thread_.join();
}

void MemoryDatagrams::start(std::unique_ptr<DatagramProtocol> protocol, DatagramLimits limits) {
    socket_ = &network_.open(std::move(protocol), kInMemory, limits);
}

std::unique_ptr<DatagramFarEnd> MemoryDatagrams::connect() {
    const Endpoint at = Endpoint::udp("10.0.0.2", ++last_port_);
    return std::make_unique<MemoryFarEnd>(*this, network_.host(at), at);
}

void MemoryDatagrams::drain() {
    if (DatagramSocket* const open = socket_->socket()) open->close(errc::stopping);
    network_.run();
}

void MemoryDatagrams::abort() {
    if (DatagramSocket* const open = socket_->socket()) open->abort(errc::stopping);
    network_.run();
}

bool MemoryDatagrams::pump() {
    network_.advance(1ms);
    return true;
}
