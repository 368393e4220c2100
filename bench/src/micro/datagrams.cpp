#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <datagram/socket_port.hpp>
#include <memory>
#include <string>

#include "micro/micro.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kCount = 32, kSize = 64;

// Who joins datagrams: the sender passes several to the kernel as one, the receiver gets them as one.
enum class Joined { neither, by_sender, by_both };

// Counts the datagrams with the right content.
struct CountingProtocol final : DatagramProtocol {
    explicit CountingProtocol(std::string sent) : expected(std::move(sent)) {}
    void on_datagram(DatagramSocket&, Datagram& in) override {
        if (as_text(in.data) == expected) ++right;
    }
    const std::string expected;
    std::size_t right = 0;
};

// Only receives.
class Receiving final : public detail::SocketPort {
public:
    using SocketPort::SocketPort;
    Clock::time_point now() const override { return Clock::now(); }

private:
    void transmit() override {}
    void schedule_end_of_turn() override {}
};

class DatagramRounds {
public:
    explicit DatagramRounds(Joined joined)
        : joins_(joined != Joined::neither),
          io_(std::make_unique<detail::DatagramIo>()),
          queue_(std::pmr::get_default_resource()),
          receives_(
              bind_datagram(Endpoint::udp("127.0.0.1", 0), {.blocking = Blocking::no}).value()),
          sends_(connect_datagram(receives_.local().value()).value()) {
        auto protocol = std::make_unique<CountingProtocol>(message_);
        counted_ = protocol.get();
        port_ = std::make_unique<Receiving>(receives_, receives_.local().value(),
                                            std::move(protocol), DatagramLimits{}, *io_);
        const int gro = joined == Joined::by_both ? 1 : 0;
        supported_ = ::setsockopt(receives_.fd(), IPPROTO_UDP, UDP_GRO, &gro, sizeof gro) == 0;
        port_->open();
    }
    bool supported() const { return supported_; }
    ~DatagramRounds() { port_->finish({}); }

    // Returns false if a datagram was lost or changed. Over loopback none is lost while there is room.
    bool run(benchmark::State& state) {
        Clock::duration sending{}, receiving{};
        for (auto _ : state) {
            const auto start = Clock::now();
            send();
            const auto sent = Clock::now();
            port_->read();
            receiving += Clock::now() - sent;
            sending += sent - start;
        }
        const auto all = static_cast<double>(state.iterations()) * kCount;
        state.counters["send_ns"] = std::chrono::duration<double, std::nano>(sending).count() / all;
        state.counters["receive_ns"] =
            std::chrono::duration<double, std::nano>(receiving).count() / all;
        return counted_->right == static_cast<std::size_t>(state.iterations()) * kCount;
    }

private:
    void send() {
        const Bytes piece = as_bytes(message_);
        for (std::size_t i = 0; i < kCount; ++i) queue_.push({}, {&piece, 1}, piece.size());
        while (!queue_.empty()) io_->sender.send(sends_.fd(), AF_INET, joins_, queue_);
    }

    bool joins_;
    bool supported_ = false;
    const std::string message_ = std::string(kSize, 'd');
    std::unique_ptr<detail::DatagramIo> io_;
    detail::DatagramQueue queue_;
    Socket receives_, sends_;
    CountingProtocol* counted_ = nullptr;  // owned by the port
    std::unique_ptr<Receiving> port_;
};

void datagrams(benchmark::State& state, Joined joined) {
    DatagramRounds rounds(joined);
    if (!rounds.supported()) return state.SkipWithError("no GRO here");
    if (!rounds.run(state)) state.SkipWithError("a datagram was lost or came otherwise");
}

}  // namespace

// Each iteration sends 32 datagrams of 64 bytes over loopback, on one thread. The counters send_ns and
// receive_ns are per datagram.
void register_datagrams() {
    for (const auto& [name, joined] :
         {std::pair{"none", Joined::neither}, std::pair{"by_sender", Joined::by_sender},
          std::pair{"by_both", Joined::by_both}}) {
        const std::string full = std::string("BM_Datagrams/joined:") + name;
        benchmark::RegisterBenchmark(full.c_str(), datagrams, joined);
    }
}

}  // namespace switchboard::bench
