// The layer that both ends share: records, handshake, output and close_notify.
#pragma once

#include <string>
#include <switchboard/layer.hpp>
#include <switchboard/tls.hpp>

#include "openssl.hpp"

namespace switchboard::tls::detail {

// Input: the layer finds the records itself and gives OpenSSL whole ones only, by a BIO that reads from the
// driver's span. The plaintext is written to the front of the same span: OpenSSL has copied the record
// before, and plaintext is shorter than its record. Output: what a callback writes is gathered in a buffer
// of the thread, and encrypted when the buffer is full or the callback returns.
class TlsLayer : public Layer {
public:
    ~TlsLayer() override;

    using Layer::write;
    bool write_shared(SharedBytes buffer) override;
    void send_file(FileRange range) override { keep(std::move(range)); }
    void abort(std::error_code reason) override;
    std::size_t queued() const noexcept override;
    std::optional<Security> security() const override;

    // The layer that owns this SSL.
    static TlsLayer& of(const SSL* ssl) noexcept;
    // For SSL_CTX_set_keylog_callback(3).
    static void log_key(const SSL* ssl, const char* line);
    // Called within OpenSSL's callbacks: the handshake is about to fail, and `why` is the reason to report.
    void refuse(std::error_code why) noexcept { refusal_ = why; }

protected:
    // `options` must outlive the layer.
    TlsLayer(std::unique_ptr<Protocol> above, const Options& options) noexcept;

    virtual bool is_server() const noexcept = 0;
    // Returns null and leaves an error in OpenSSL's queue, or calls refuse(), if it fails.
    virtual SslPointer make_ssl() = 0;
    virtual void shaken() { open_above(); }  // the handshake is done
    // Returns when the handshake may begin; if this is later than `now`, it is called again then.
    virtual Clock::time_point place_in_line(Clock::time_point now) { return now; }
    std::string agreed_protocol() const;  // by ALPN; "" without

    bool begin_handshake();
    void shake();  // continues the handshake

private:
    void below_opened() override;
    std::size_t take(MutableBytes in) override {
        return is(Phase::connecting) ? take_handshake(in) : take_data(in);
    }
    void take_eof() override;
    bool holds_input() const noexcept override { return waits_; }
    void own_deadline_expired() override;
    bool send(std::span<const Bytes> pieces) override;
    Sent transmit_file(const FileRange& range, std::uint64_t most) override;
    void transmit_fin() noexcept override;
    void farewell() override;
    void begin_callback() override;
    void end_callback() override;

    std::size_t take_handshake(MutableBytes in);
    bool must_wait();
    bool too_quiet();
    std::size_t take_data(MutableBytes in);
    std::error_code decrypt(MutableBytes in, std::size_t& used, std::size_t& plain);
    void deliver(MutableBytes plain);
    void refuse_plain_text(std::byte first);
    std::error_code failure() noexcept;
    bool gathers() const noexcept;
    void gather(Bytes piece);
    void flush_gathered();
    void stop_gathering();
    void encrypt(Bytes piece);
    bool encrypt_joined(std::span<const Bytes> pieces);

    static BIO_METHOD* bio_method();
    static int bio_read(BIO* bio, char* to, int size);
    static int bio_write(BIO* bio, const char* from, int size);

    const Options& options_;
    SslPointer ssl_;
    Bytes input_;  // the record that OpenSSL reads now
    std::error_code refusal_;
    std::size_t handshake_bytes_ = 0;
    // While connecting, when the handshake must be done. Then, until when the records without data that have
    // come are paid for.
    Clock::time_point until_ = Clock::time_point::min();
    unsigned quiet_ = 0;         // records without data, in a row
    bool waits_ = false;         // for its place in the line of handshakes
    bool partial_ = false;       // below keeps the beginning of a record
    bool has_room_ = true;       // the connection below took what was sent, and takes more
    bool failed_ = false;        // OpenSSL may not be called any more
    bool said_goodbye_ = false;  // close_notify was sent
    bool peer_closed_ = false;   // close_notify was received
};

}  // namespace switchboard::tls::detail
