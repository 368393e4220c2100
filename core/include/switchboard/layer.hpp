// Layer: a Protocol to the connection below it, and a Connection to the protocol above it.
#pragma once

#include <memory>
#include <span>
#include <switchboard/driver/transport.hpp>

namespace switchboard {

// The base class of everything between a driver and a protocol: rate limits, the PROXY protocol, encryption,
// tracing. By default a layer passes everything on; a derived class overrides what it changes. Layers can be
// stacked: the connection below belongs to a driver or to another layer.
//
// The contract between two layers is the same as between a driver and a protocol (connection.hpp,
// protocol.hpp). The protocol above is called only within a callback from below. A request that it makes at
// another time is passed on at once if this runs no callback. Otherwise it waits for the one deadline of the
// connection below, which the layer shares with the protocol above. An exception from the protocol above is
// counted and logged as that protocol's. Ownership: the driver owns the stack, from the bottom up. Threading:
// the driver's thread only.
class Layer : public Protocol, public Transport {
public:
    using Transport::write;
    bool write(std::span<const Bytes> pieces) override { return pass_on(pieces); }
    bool write_shared(SharedBytes buffer) override { return pass_on(std::move(buffer)); }
    void send_file(FileRange range) override { pass_on(std::move(range)); }
    void abort(std::error_code reason) override;
    void set_deadline(Clock::time_point when) override;
    std::size_t queued() const noexcept override { return Transport::queued() + below_->queued(); }
    Clock::time_point now() const override { return below_->now(); }
    const Endpoint& peer() const override { return below_->peer(); }
    const Endpoint& local() const override { return below_->local(); }
    [[nodiscard]] Result<PeerCredentials> peer_credentials() const override {
        return below_->peer_credentials();
    }
    std::optional<Security> security() const override { return below_->security(); }
    ConnectionId id() const override { return below_->id(); }
    std::pmr::memory_resource* memory() const noexcept override { return below_->memory(); }

protected:
    // `limits` must outlive the layer. The layer itself uses high_water, low_water, max_write_buffer,
    // max_read_buffer, close_timeout and close_deadline; the driver applies the others.
    explicit Layer(std::unique_ptr<Protocol> above = nullptr,
                   const ConnectionLimits& limits = default_limits()) noexcept;

    // ---- What a layer may override. Called within a callback from below.
    virtual void below_opened() { open_above(); }
    // Bytes have come from below. Returns how many leading bytes were used; the rest comes again, as for a
    // Protocol.
    virtual std::size_t take(MutableBytes in);
    virtual void take_eof() { give_eof(); }  // the FIN has come from below
    virtual void own_deadline_expired() {}
    // The connection below has ended; on_close of the protocol above follows.
    virtual void below_closed(std::error_code) noexcept {}

    // ---- What a layer may override. Called at any time; must not run a callback of the protocol above.
    // Sends bytes from above. Returns false if the connection below takes no more for now.
    virtual bool send(std::span<const Bytes> pieces) {
        return pieces.size() == 1 ? below_->write(pieces[0]) : below_->write(pieces);
    }
    virtual void farewell() {}  // all output is sent; the connection below is closed next
    virtual bool holds_input() const noexcept { return false; }  // true: read nothing for now

    // ---- What a layer may call.
    Connection& below() const noexcept { return *below_; }
    // Calls on_open of the protocol above: the one given to the constructor, or `above`. Call it once, within
    // a callback from below. Nothing is delivered before. If the connection fails before, only on_close is
    // called.
    void open_above();
    void open_above(std::unique_ptr<Protocol> above);
    bool takes_input() const noexcept { return !runner_.held() && !runner_.ended(); }
    // Delivers bytes to the protocol above and keeps those that it does not use.
    void give(MutableBytes in);
    void give_eof() { received_eof(); }  // call it after the last byte
    // Ends the connection: the protocol above gets on_close(why), and bytes sent before are flushed below.
    void fail(std::error_code why) { close(why); }
    // Sets the deadline of the layer itself, which is separate from that of the protocol above.
    void set_own_deadline(Clock::time_point when) noexcept;

    // For output from above: pass_on() sends it at once, keep() queues it until transmit() sends it.
    bool pass_on(std::span<const Bytes> pieces);
    bool pass_on(SharedBytes buffer);
    void pass_on(FileRange range);
    bool keep(std::span<const Bytes> pieces) { return Transport::write(pieces); }
    bool keep(SharedBytes buffer) { return Transport::write_shared(std::move(buffer)); }
    void keep(FileRange range) { Transport::send_file(std::move(range)); }

    bool passed_on(bool more);
    // The connection below is the wire of this Transport.
    const ConnectionLimits& limits() const noexcept final { return limits_; }
    Sent transmit(const iovec* pieces, std::size_t count) override;
    Sent transmit_file(const FileRange& range, std::uint64_t most) override;
    void transmit_fin() noexcept override { below_->shutdown_write(); }
    void schedule_end_of_turn() final;
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
    static const ConnectionLimits& default_limits() noexcept;
    static constexpr unsigned kInside = kDriver;       // in a callback from below
    static constexpr unsigned kPaused = kDriver << 1;  // reading below is paused
    static constexpr unsigned kClosedBelow = kDriver << 2;
    static constexpr unsigned kAbortedBelow = kDriver << 3;

    void on_open(Connection& below) final;
    std::size_t on_data(Connection&, MutableBytes in) final;
    void on_writable(Connection&) final;
    void on_resume(Connection&) final;
    void on_eof(Connection&) final;
    void on_deadline(Connection&) final;
    void on_shutdown(Connection&) final;
    void on_close(std::error_code reason) noexcept final;
    // A layer that has not made the protocol above yet is not busy.
    bool is_busy() const noexcept final {
        return has(kQueued) || (runner_.protocol() != nullptr && !runner_.is_idle());
    }
    bool reads_under_backpressure() const noexcept final { return true; }  // see update_interest()
    std::string_view label() const noexcept final {
        return runner_.protocol() != nullptr ? runner_.protocol()->label() : std::string_view();
    }
    Transport* above() noexcept final { return this; }

    template <class Callback>
    void inside(Callback&& callback);
    void arm_below();
    bool has_nothing_to_do() const noexcept;
    bool note_room(bool more) noexcept;

    const ConnectionLimits& limits_;
    Connection* below_ = nullptr;
    Clock::time_point own_deadline_ = Clock::time_point::max();
    Clock::time_point armed_ = Clock::time_point::max();  // the deadline set below
    std::size_t below_queued_ = 0;                        // at the last note_room() or ask()
};

// A layer that queues output from above until it may be sent, in order with files, FIN and close(), and with
// high-water and low-water marks of its own. A derived class decides how much may be sent.
class QueuedLayer : public Layer {
public:
    using Layer::write;
    bool write(std::span<const Bytes> pieces) override { return keep(pieces); }
    bool write_shared(SharedBytes buffer) override { return keep(std::move(buffer)); }
    void send_file(FileRange range) override { keep(std::move(range)); }

protected:
    using Layer::Layer;
    // Returns how many of `most` bytes may be sent now; these are then sent. Zero means that none may be sent
    // before own_deadline_expired().
    virtual std::size_t allowance(std::size_t most) = 0;

    Sent transmit(const iovec* pieces, std::size_t count) final;
    Sent transmit_file(const FileRange& range, std::uint64_t most) final;
};

}  // namespace switchboard
