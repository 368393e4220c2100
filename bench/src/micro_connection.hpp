// The least that a protocol needs around it, for `switchboard-bench micro`.
#pragma once

#include <cstddef>
#include <memory>
#include <switchboard/limits.hpp>
#include <switchboard/slot.hpp>
#include <utility>

namespace switchboard::bench {

// A driver without I/O: a Slot, and a Connection that counts what is written and throws it away.
class NullConnection final : public Connection {
public:
    explicit NullConnection(std::unique_ptr<Protocol> protocol)
        : slot_(std::move(protocol), Limits{}.max_unread) {
        slot_.open(*this);
    }
    ~NullConnection() { slot_.close({}); }
    NullConnection(const NullConnection&) = delete;
    NullConnection& operator=(const NullConnection&) = delete;

    void arrive(MutableBytes in) { slot_.data(*this, in); }
    void ring() { slot_.deadline(*this); }
    std::size_t written() const noexcept { return written_; }  // bytes

    bool write(std::span<const Bytes> pieces) override {
        for (const Bytes piece : pieces) written_ += piece.size();
        return true;
    }
    using Connection::write;
    bool write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) override {
        written_ += buffer->size();
        return true;
    }
    void send_file(FileRange) override {}
    void shutdown_write() override {}
    void close(std::error_code) override { slot_.end(); }
    void abort(std::error_code) override { slot_.end(); }
    void pause_reading() override { slot_.hold(Slot::Hold::handler); }
    void resume_reading() override { slot_.release(Slot::Hold::handler); }
    Clock::time_point now() const override { return {}; }
    void set_deadline(Clock::time_point) override {}
    void switch_to(std::unique_ptr<Protocol> next) override {
        slot_.switch_to(*this, std::move(next));
    }
    std::size_t queued() const noexcept override { return 0; }
    bool closing() const noexcept override { return slot_.ended(); }
    const Endpoint& peer() const override { return nowhere_; }
    const Endpoint& local() const override { return nowhere_; }
    ConnectionId id() const override { return {}; }

private:
    Slot slot_;
    std::size_t written_ = 0;
    Endpoint nowhere_;
};

}  // namespace switchboard::bench
