// A minimal environment for a protocol, for `switchboard-bench micro`.
#pragma once

#include <cstddef>
#include <memory>
#include <switchboard/driver/protocol_runner.hpp>
#include <switchboard/limits.hpp>
#include <utility>

namespace switchboard::bench {

// A driver without I/O: a ProtocolRunner, and a Connection that counts written bytes and discards them.
class NullConnection final : public Connection {
public:
    explicit NullConnection(std::unique_ptr<Protocol> protocol)
        : runner_(std::move(protocol), ConnectionLimits{}.max_read_buffer) {
        runner_.open(*this);
    }
    ~NullConnection() { runner_.close({}); }
    NullConnection(const NullConnection&) = delete;
    NullConnection& operator=(const NullConnection&) = delete;

    void arrive(MutableBytes in) { runner_.data(*this, in); }
    void ring() { runner_.deadline(*this); }
    std::size_t written() const noexcept { return written_; }  // bytes

    bool write(std::span<const Bytes> pieces) override {
        for (const Bytes piece : pieces) written_ += piece.size();
        return true;
    }
    using Connection::write;
    bool write_shared(SharedBytes buffer) override {
        written_ += buffer.bytes.size();
        return true;
    }
    void send_file(FileRange) override {}
    void shutdown_write() override {}
    void close(std::error_code) override { runner_.end(); }
    void abort(std::error_code) override { runner_.end(); }
    void pause_reading() override { runner_.hold(ProtocolRunner::Hold::handler); }
    void resume_reading() override { runner_.release(ProtocolRunner::Hold::handler); }
    Clock::time_point now() const override { return {}; }
    void set_deadline(Clock::time_point) override {}
    void switch_to(std::unique_ptr<Protocol> next) override {
        runner_.switch_to(*this, std::move(next));
    }
    std::size_t queued() const noexcept override { return 0; }
    bool closing() const noexcept override { return runner_.ended(); }
    const Endpoint& peer() const override { return nowhere_; }
    const Endpoint& local() const override { return nowhere_; }
    ConnectionId id() const override { return {}; }

private:
    ProtocolRunner runner_;
    std::size_t written_ = 0;
    Endpoint nowhere_;
};

}  // namespace switchboard::bench
