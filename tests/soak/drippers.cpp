#include "drippers.hpp"

#include <sched.h>
#include <algorithm>

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kConnectingAtOnce = 64;
constexpr milliseconds kBetweenDrops{1'000};
constexpr milliseconds kLook{10};

}  // namespace

class Drippers::Dripper final : public Protocol {
public:
    explicit Dripper(Drippers& all) : all_(all) {}

    void on_open(Connection& connection) override {
        is_open_ = true;
        began_ = connection.now();
        ++all_.connected_;
        connection.write(all_.options_.opening);
        connection.set_deadline(began_ + kBetweenDrops);
    }
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }
    void on_deadline(Connection& connection) override {
        connection.write(std::string_view(&all_.options_.drop, 1));
        connection.set_deadline(connection.now() + kBetweenDrops);
    }
    void on_close(std::error_code) noexcept override {
        ++all_.gone_;
        if (!is_open_) {
            ++all_.failures_;
            return;
        }
        const auto lasted = std::chrono::duration_cast<milliseconds>(Clock::now() - began_);
        all_.longest_ms_ = std::max<std::int64_t>(all_.longest_ms_, lasted.count());
    }

private:
    Drippers& all_;
    Clock::time_point began_;
    bool is_open_ = false;
};

Drippers::Drippers(Endpoint target, Options options)
    : target_(std::move(target)), options_(std::move(options)) {
    thread_ = std::thread([this] { run(); });
}

Drippers::~Drippers() {
    stops_ = true;
    thread_.join();
}

void Drippers::run() {
    const sched_param none{};
    if (options_.polite) sched_setscheduler(0, SCHED_IDLE, &none);
    Reactor reactor;
    reactor.every(kLook, [this, &reactor] {
        if (stops_) return reactor.stop();
        connect_some(reactor);
    });
    reactor.run();
}

void Drippers::connect_some(Reactor& reactor) {
    while (started_ < options_.count && started_ - connected_ - failures_ < kConnectingAtOnce) {
        ++started_;
        if (reactor.connect(target_, std::make_unique<Dripper>(*this))) continue;
        ++failures_;
        ++gone_;
    }
}

}  // namespace switchboard::bench
