// Layer: a Protocol to the connection below it, and a Connection to the protocol above it.
#pragma once

#include <memory>
#include <span>
#include <switchboard/transport.hpp>

namespace switchboard {

// The base class for everything between a driver and a protocol: rate limits, the PROXY protocol,
// encryption, tracing. By default it passes everything on; a derived class overrides what it changes. Layers
// stack: the connection below belongs to a driver or to another layer.
//
// The contract between two layers is that between a driver and a protocol (connection.hpp, protocol.hpp). The
// protocol above is called only within a callback from below. Its requests at other times are passed on at
// once if that runs no callback. Otherwise they wait for the one deadline of the connection below, which the
// layer shares with the protocol above. Exceptions of the protocol above are counted and logged as the
// handler's. Ownership: the driver owns the stack, from the bottom up. Threading: the driver's thread only.
class Layer : public Protocol, public Transport {
public:
    using Transport::write;
    bool write(std::span<const Bytes> pieces) override { return pass_on(pieces); }
    bool write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) override {
        return pass_on(std::move(buffer));
    }
    void send_file(FileRange range) override { pass_on(std::move(range)); }
    void abort(std::error_code reason) override;
    void set_deadline(Clock::time_point when) override;
    std::size_t queued() const noexcept override { return Transport::queued() + below_->queued(); }
    Clock::time_point now() const override { return below_->now(); }
    const Endpoint& peer() const override { return below_->peer(); }
    const Endpoint& local() const override { return below_->local(); }
    Result<PeerCredentials> peer_credentials() const override { return below_->peer_credentials(); }
    ConnectionId id() const override { return below_->id(); }
    std::pmr::memory_resource* memory() const noexcept override { return below_->memory(); }

protected:
    // `limits` must outlive the layer. The layer itself uses high_water, low_water, max_queued, max_unread,
    // close_timeout and close_deadline; the driver applies the others.
    explicit Layer(std::unique_ptr<Protocol> above = nullptr,
                   const Limits& limits = default_limits()) noexcept;

    // ---- What a layer may change. Called within a callback from below.
    virtual void below_opened() { open_above(); }
    // Bytes from below. Returns how many leading bytes were used; the rest comes again, as for a Protocol.
    virtual std::size_t take(MutableBytes in);
    virtual void take_eof() { give_eof(); }  // the FIN from below
    virtual void own_deadline_expired() {}
    // The connection below is gone; on_close of the protocol above follows.
    virtual void below_closed(std::error_code) noexcept {}

    // ---- What a layer may change. Called at any time; must run no callback above.
    // Bytes from above. Returns false if the connection below takes no more for now.
    virtual bool send(std::span<const Bytes> pieces) {
        return pieces.size() == 1 ? below_->write(pieces[0]) : below_->write(pieces);
    }
    virtual void farewell() {}  // everything is sent; the connection below is closed next
    virtual bool holds_input() const noexcept { return false; }  // true: read nothing for now

    // ---- What a layer may do.
    Connection& below() const noexcept { return *below_; }
    // Calls on_open of the protocol above: the one given to the constructor, or this one. Call it once,
    // within a callback from below. Before it nothing is delivered; a failure then gives on_close alone.
    void open_above();
    void open_above(std::unique_ptr<Protocol> above);
    bool takes_input() const noexcept { return !slot_.held() && !slot_.ended(); }
    // Delivers bytes to the protocol above, and keeps those that it does not use.
    void give(MutableBytes in);
    void give_eof() { received_eof(); }  // after the last byte
    // Ends the connection: on_close(why) above; bytes sent before are flushed below.
    void fail(std::error_code why) { close(why); }
    // The layer's own deadline, separate from that of the protocol above.
    void set_own_deadline(Clock::time_point when) noexcept;

    // Output from above: pass_on() sends it at once, keep() queues it until it may leave.
    using Shared = std::shared_ptr<const std::vector<std::byte>>;
    bool pass_on(std::span<const Bytes> pieces);
    bool pass_on(Shared buffer);
    void pass_on(FileRange range);
    bool keep(std::span<const Bytes> pieces) { return Transport::write(pieces); }
    bool keep(Shared buffer) { return Transport::write_shared(std::move(buffer)); }
    void keep(FileRange range) { Transport::send_file(std::move(range)); }

    bool passed_on(bool more);
    // The connection below is the wire of this Transport.
    const Limits& limits() const noexcept final { return limits_; }
    Sent transmit(const iovec* pieces, std::size_t count) override;
    Sent transmit_file(const FileRange& range, std::uint64_t most) override;
    void transmit_fin() noexcept final { below_->shutdown_write(); }
    void attend_later() final;
    void asked() final;
    void arm(Clock::time_point) final;
    void end(std::error_code reason, bool reset) final;
    void update_interest() final;
    void ask() final;
    bool is_full() const noexcept final { return has(kBlocked); }
    bool is_direct() const noexcept final { return true; }
    bool lingers() const noexcept final { return false; }
    bool ends_when_idle() const noexcept final { return false; }
    std::chrono::milliseconds stall_timeout() const noexcept final { return {}; }

private:
    static const Limits& default_limits() noexcept;
    static constexpr unsigned kInside = kDriver;       // within a callback from below
    static constexpr unsigned kPaused = kDriver << 1;  // reading below is paused
    static constexpr unsigned kClosedBelow = kDriver << 2;
    static constexpr unsigned kAbortedBelow = kDriver << 3;

    void on_open(Connection& below) final;
    std::size_t on_data(Connection&, MutableBytes in) final;
    void on_drain(Connection&) final;
    void on_resume(Connection&) final;
    void on_eof(Connection&) final;
    void on_deadline(Connection&) final;
    void on_stop(Connection&) final;
    void on_close(std::error_code reason) noexcept final;
    bool is_busy() const noexcept final { return has(kQueued) || !slot_.is_idle(); }
    bool reads_when_full() const noexcept final { return true; }  // see update_interest()
    Transport* above() noexcept final { return this; }

    template <class Callback>
    void inside(Callback&& callback);
    void arm_below();
    bool has_nothing_to_do() const noexcept;
    bool note_room(bool more) noexcept;

    const Limits& limits_;
    Connection* below_ = nullptr;
    Clock::time_point own_deadline_ = Clock::time_point::max();
    Clock::time_point armed_ = Clock::time_point::max();  // the deadline set below
    std::size_t below_queued_ = 0;                        // at the last note_room() or ask()
};

// A layer that queues output from above until it may leave, in order with files, FIN and close(), and with
// its own marks. A derived class decides how much may leave.
class QueuedLayer : public Layer {
public:
    using Layer::write;
    bool write(std::span<const Bytes> pieces) override { return keep(pieces); }
    bool write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) override {
        return keep(std::move(buffer));
    }
    void send_file(FileRange range) override { keep(std::move(range)); }

protected:
    using Layer::Layer;
    // Returns how many of `most` bytes may leave now; they then do. Zero: none before own_deadline_expired().
    virtual std::size_t allowance(std::size_t most) = 0;

    Sent transmit(const iovec* pieces, std::size_t count) final;
    Sent transmit_file(const FileRange& range, std::uint64_t most) final;
};

}  // namespace switchboard
