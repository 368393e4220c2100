#include <doctest/doctest.h>

#include <atomic>

#include "drivers.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

constexpr int kBuffer = 128 * 1024;  // bytes; the system doubles it (man 7 socket)

class SocketPeer final : public Peer {
public:
    explicit SocketPeer(Socket socket) : socket_(std::move(socket)) {
        REQUIRE(socket_.set_timeouts(10s, 10s));
        // The same size as in memory. Without it the system would enlarge the receive buffer of a peer that
        // does not read (man 7 tcp).
        REQUIRE(::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer) == 0);
    }

    void send(std::string_view text) override {
        if (text.empty()) return;
        const auto sent = socket_.send_all(as_bytes(text));
        if (!sent && sent.error() == std::errc::connection_reset) end_ = End::reset;
    }
    void shutdown_write() override { (void)socket_.shutdown_write(); }
    void reset() override {
        socket_.reset_on_close();
        socket_.close();
    }

    std::string receive(std::size_t count) override {
        std::string all;
        while (all.size() < count && receive_some(all, count - all.size())) {
        }
        return all;
    }
    std::string receive_all() override { return receive(std::string::npos); }
    End end() override {
        std::string rest;
        if (end_ == End::none) receive_some(rest, 1);
        CHECK(rest == "");
        return end_;
    }

    std::string round_trip(const std::string& text) override {
        std::thread sender([&] { send(text); });
        std::string reply = receive(text.size());
        sender.join();
        return reply;
    }

private:
    bool receive_some(std::string& all, std::size_t most) {
        std::byte bytes[16 * 1024];
        const auto got = socket_.receive(MutableBytes(bytes).first(std::min(most, sizeof bytes)));
        if (got && *got > 0) {
            all += as_text(Bytes(bytes).first(*got));
            return true;
        }
        if (got && end_ == End::none)
            end_ = End::eof;
        else if (!got && got.error() == std::errc::connection_reset)
            end_ = End::reset;
        return false;
    }

    Socket socket_;
    // A send may be what learns of the reset; the system tells it only once.
    std::atomic<End> end_ = End::none;
};

}  // namespace

bool refuses_socket(const Endpoint& endpoint) {
    const auto socket = connect(endpoint, 10s);
    return !socket && socket.error() == std::errc::connection_refused;
}

std::unique_ptr<Peer> connect_socket(const Endpoint& endpoint) {
    auto socket = connect(endpoint, 10s);
    REQUIRE(socket);
    return std::make_unique<SocketPeer>(std::move(*socket));
}
