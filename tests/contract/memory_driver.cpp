// The in-memory driver has no thread. A test that waits for something runs the driver, one millisecond of
// its virtual clock per step. No wait is longer than ten seconds of that clock.
#include <doctest/doctest.h>

#include <utility>

#include "base/deadline.hpp"
#include "drivers.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

constexpr auto kStep = 1ms;
constexpr int kPatience = 10'000;             // steps
constexpr std::size_t kBuffers = 256 * 1024;  // bytes on the way to a peer that does not read

class InMemoryPeer final : public Peer {
public:
    InMemoryPeer(Memory& driver, testing::MemoryPeer& far) : driver_(driver), far_(far) {
        far_.set_window(kBuffers);
    }
    // Like close(2): input that is left unread is answered with a reset (RFC 2525, 2.17).
    ~InMemoryPeer() override {
        const bool unread = !read_.empty() || !far_.received().empty();
        unread ? far_.reset() : far_.shutdown_write();
    }

    void send(std::string_view text) override { far_.send(text); }
    void shutdown_write() override { far_.shutdown_write(); }
    void reset() override { far_.reset(); }

    std::string receive(std::size_t count) override {
        while (read_.size() < count && wait()) read_ += far_.take_received();
        std::string got = read_.substr(0, count);
        read_.erase(0, got.size());
        return got;
    }
    std::string receive_all() override { return receive(std::string::npos); }

    End end() override {
        CHECK(receive(1) == "");
        if (far_.saw_reset()) return End::reset;
        return far_.saw_eof() ? End::eof : End::none;
    }

    std::string round_trip(const std::string& text) override {
        send(text);
        return receive(text.size());
    }

private:
    // Waits for bytes. Returns false if the connection has ended, or if none came in time.
    bool wait() {
        for (int i = 0; far_.received().empty() && !over() && i < kPatience; ++i) driver_.pump();
        return !far_.received().empty();
    }
    bool over() const { return far_.saw_eof() || far_.saw_reset(); }

    Memory& driver_;
    testing::MemoryPeer& far_;
    std::string read_;  // received, but not yet returned by receive()
};

}  // namespace

void Memory::start(ProtocolFactory factory, Limits limits) {
    factory_ = std::move(factory);
    limits_ = limits;
}

std::unique_ptr<Peer> Memory::connect() {
    far_ends_.push_back(&driver_.connect(factory_, limits_.connection));
    return std::make_unique<InMemoryPeer>(*this, *far_ends_.back());
}

void Memory::begin_drain() {
    driver_.drain();
}

void Memory::drain() {
    begin_drain();
    const auto until = detail::deadline_after(driver_.now(), limits_.server.drain_timeout);
    while (driver_.open() > 0 && driver_.now() < until) pump();
    abort();
}

void Memory::abort() {
    for (testing::MemoryPeer* far : far_ends_)
        if (Connection* const open = far->connection()) open->abort(errc::stopping);
    driver_.run();
    CHECK(driver_.open() == 0);
}

bool Memory::pump() {
    driver_.advance(kStep);
    return true;
}
