#include "flood.hpp"

#include <poll.h>
#include <sched.h>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard::bench {
namespace {

constexpr std::chrono::seconds kConnectTimeout{5};
constexpr int kStuckMs = 5;
constexpr int kPauseMs = 10;
constexpr std::size_t kPiece = 256 * 1024;

}  // namespace

Firehose::Firehose(Endpoint target, WhenStuck when_stuck)
    : target_(std::move(target)), when_stuck_(when_stuck) {}

Firehose::~Firehose() {
    stops_ = true;
    if (thread_.joinable()) thread_.join();
}

void Firehose::open() {
    thread_ = std::thread([this] { run(); });
}

void Firehose::run() {
    const sched_param none{};
    sched_setscheduler(0, SCHED_IDLE, &none);
    do {
        send_until_stuck();
    } while (!stops_ && when_stuck_ == WhenStuck::comes_again);
}

void Firehose::send_until_stuck() {
    const std::vector<std::byte> piece(kPiece, std::byte{'x'});
    auto socket = connect(target_, kConnectTimeout, {.blocking = Blocking::no});
    if (!socket) {
        ++failures_;
        poll(nullptr, 0, kPauseMs);
        return;
    }
    ++connects_;
    socket->reset_on_close();
    while (!stops_) {
        pollfd ready{socket->fd(), POLLOUT, 0};
        const bool room = poll(&ready, 1, kStuckMs) > 0;
        if (!room && when_stuck_ == WhenStuck::comes_again) return;
        if (!room) continue;
        const auto sent = socket->send(piece);
        if (sent) {
            bytes_ += *sent;
        } else if (sent.error() != std::errc::operation_would_block) {
            return;  // the server has ended the connection
        }
    }
}

}  // namespace switchboard::bench
