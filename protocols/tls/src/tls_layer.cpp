#include "tls_layer.hpp"

#include <openssl/err.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/deadline.hpp"
#include "credentials.hpp"
#include "failure.hpp"

namespace switchboard::tls::detail {
namespace {

constexpr std::size_t kHeaderSize = 5;
constexpr std::size_t kMostPlain = 16 * 1024;
constexpr std::size_t kMostRecord = kMostPlain + 2048;  // RFC 5246, section 6.2.3
constexpr std::byte kHandshakeRecord{22}, kAlertRecord{21};
constexpr std::string_view kBadRequest =
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

// The output of the callback that runs on this thread. Callbacks do not nest, except those of TLS within TLS:
// the inner layer then sends a record for each write.
struct Gathered {
    const TlsLayer* owner = nullptr;
    std::size_t size = 0;
    std::array<std::byte, kMostPlain> bytes;
};
thread_local Gathered gathered;

// Returns the size of the record at the front; 0: it is not whole. Of a record that is too long only the
// header is a record, because that is enough for OpenSSL to refuse it.
std::size_t record_size(Bytes in) noexcept {
    if (in.size() < kHeaderSize) return 0;
    const auto size =
        std::to_integer<std::size_t>(in[3]) << 8U | std::to_integer<std::size_t>(in[4]);
    if (size > kMostRecord) return kHeaderSize;
    return kHeaderSize + size <= in.size() ? kHeaderSize + size : 0;
}

// ERR_clear_error() takes the time of hundreds of instructions, also if there is nothing to clear.
void clear_failures() noexcept {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

TlsLayer::TlsLayer(std::unique_ptr<Protocol> above, const Options& options) noexcept
    : Layer(std::move(above), options.limits), options_(options) {}

// OpenSSL takes a session for broken if its connection was not closed with close_notify.
TlsLayer::~TlsLayer() {
    if (gathers()) gathered.owner = nullptr;
    if (ssl_ && !failed_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

TlsLayer& TlsLayer::of(const SSL* ssl) noexcept {
    return *static_cast<TlsLayer*>(SSL_get_app_data(ssl));
}

// ---- the handshake

void TlsLayer::below_opened() {
    until_ = switchboard::detail::limit_after(now(), options_.handshake_timeout);
    set_own_deadline(until_);
    if (!is_server() && begin_handshake()) shake();
}

bool TlsLayer::begin_handshake() {
    ERR_clear_error();
    ssl_ = make_ssl();
    const bool is_ours = ssl_ && SSL_set_app_data(ssl_.get(), this) == 1;
    BIO* const bio = is_ours ? BIO_new(bio_method()) : nullptr;
    if (bio == nullptr) {
        fail(failure());
        return false;
    }
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_.get(), bio, bio);
    is_server() ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
    return true;
}

void TlsLayer::shake() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    input_ = {};
    if (done == 1) {
        set_own_deadline(Clock::time_point::max());
        until_ = Clock::time_point::min();
        return shaken();
    }
    if (SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ) fail(failure());
}

std::size_t TlsLayer::take_handshake(MutableBytes in) {
    const bool is_first = handshake_bytes_ == 0;
    const bool may_alert = !is_server() && in[0] == kAlertRecord;
    if (is_first && in[0] != kHandshakeRecord && !may_alert) {
        refuse_plain_text(in[0]);
        return in.size();
    }
    std::size_t used = 0;
    while (is(Phase::connecting)) {
        const std::size_t size = record_size(in.subspan(used));
        if (size == 0 || (!ssl_ && must_wait())) break;
        handshake_bytes_ += size;
        if (handshake_bytes_ > options_.max_handshake) {
            fail(errc::handshake_too_large);
            break;
        }
        if (!ssl_ && !begin_handshake()) break;
        input_ = in.subspan(used, size);
        used += size;
        shake();
    }
    partial_ = used < in.size();
    return used;
}

bool TlsLayer::must_wait() {
    const auto begins = place_in_line(now());
    waits_ = begins > now();
    if (waits_) set_own_deadline(std::min(begins, until_));
    return waits_;
}

// The peer probably speaks plain HTTP if the first byte is a capital letter, with which all methods begin.
void TlsLayer::refuse_plain_text(std::byte first) {
    if (is_server() && first >= std::byte{'A'} && first <= std::byte{'Z'})
        below().write(as_bytes(kBadRequest));
    fail(errc::not_tls);
}

std::error_code TlsLayer::failure() noexcept {
    failed_ = true;
    const std::error_code why = take_failure(ssl_.get());
    return refusal_ ? refusal_ : why;
}

void TlsLayer::own_deadline_expired() {
    if (is(Phase::connecting)) {
        const bool asks_again = std::exchange(waits_, false) && now() < until_;
        return asks_again ? set_own_deadline(until_) : fail(errc::handshake_timed_out);
    }
    if (failed_) fail(refusal_);
}

// ---- input

// After close_notify the peer's bytes are ignored (RFC 8446, section 6.1).
std::size_t TlsLayer::take_data(MutableBytes in) {
    if (peer_closed_) return in.size();
    if (!takes_input() || failed_) return 0;
    std::size_t used = 0, plain = 0;
    const std::error_code error = decrypt(in, used, plain);
    input_ = {};
    partial_ = used < in.size();
    if (plain > 0) deliver(in.first(plain));
    if (error) {
        fail(error);
    } else if (peer_closed_) {
        give_eof();
        return in.size();
    }
    return used;
}

// Decrypts the whole records of `in` to its front. One call per record: another one would only say that there
// is no more.
std::error_code TlsLayer::decrypt(MutableBytes in, std::size_t& used, std::size_t& plain) {
    while (const std::size_t size = record_size(in.subspan(used))) {
        input_ = in.subspan(used, size);
        used += size;
        clear_failures();
        std::size_t got = 0;
        const int done = SSL_read_ex(ssl_.get(), in.data() + plain, used - plain, &got);
        if (done == 1) {
            plain += got;
            quiet_ = 0;
            continue;
        }
        switch (SSL_get_error(ssl_.get(), done)) {
            case SSL_ERROR_WANT_READ:
                if (too_quiet()) return errc::too_many_quiet_records;
                break;
            case SSL_ERROR_ZERO_RETURN: peer_closed_ = true; return {};
            default: return failure();
        }
    }
    return {};
}

// A record without data costs a tenth of a second. That much time may be owed for quiet_records.
bool TlsLayer::too_quiet() {
    constexpr std::chrono::milliseconds cost(100);
    until_ = std::max(until_, now()) + cost;
    return ++quiet_ > options_.quiet_records || until_ - now() > options_.quiet_records * cost;
}

void TlsLayer::deliver(MutableBytes plain) {
    begin_callback();
    give(plain);
    end_callback();
}

void TlsLayer::take_eof() {
    if (peer_closed_) return;
    const bool silent = is_server() && !ssl_ && !partial_;  // such as a health check
    if (is(Phase::connecting)) return silent ? close({}) : fail(errc::truncated);
    if (options_.require_close_notify || partial_) return fail(errc::truncated);
    give_eof();
}

// ---- output

bool TlsLayer::gathers() const noexcept {
    return gathered.owner == this;
}

void TlsLayer::begin_callback() {
    Layer::begin_callback();
    if (gathered.owner != nullptr) return;
    gathered.owner = this;
    gathered.size = 0;
}

void TlsLayer::end_callback() {
    if (gathers()) {
        has_room_ = true;
        stop_gathering();
        if (!has_room_) passed_on(false);
    }
    Layer::end_callback();
}

void TlsLayer::stop_gathering() {
    flush_gathered();
    gathered.owner = nullptr;
}

void TlsLayer::flush_gathered() {
    if (gathered.size == 0) return;
    encrypt(Bytes(gathered.bytes).first(std::exchange(gathered.size, 0)));
}

void TlsLayer::gather(Bytes piece) {
    while (!piece.empty()) {
        if (gathered.size == 0 && piece.size() >= kMostPlain) return encrypt(piece);
        const std::size_t part = std::min(kMostPlain - gathered.size, piece.size());
        std::memcpy(gathered.bytes.data() + gathered.size, piece.data(), part);
        gathered.size += part;
        piece = piece.subspan(part);
        if (gathered.size == kMostPlain) flush_gathered();
    }
}

// OpenSSL fails here only without memory. The connection ends when a callback from below allows it.
void TlsLayer::encrypt(Bytes piece) {
    if (failed_ || said_goodbye_) return;
    clear_failures();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &written) == 1) return;
    refusal_ = failure();
    set_own_deadline(now());
}

// For a call from within a callback of another connection, whose bytes are gathered. Returns false, and does
// nothing, if one record cannot hold all.
bool TlsLayer::encrypt_joined(std::span<const Bytes> pieces) {
    std::array<std::byte, kMostPlain> all;
    std::size_t size = 0;
    for (const Bytes piece : pieces) {
        if (piece.size() > all.size() - size) return false;
        std::ranges::copy(piece, all.begin() + static_cast<std::ptrdiff_t>(size));
        size += piece.size();
    }
    if (size > 0) encrypt(Bytes(all).first(size));
    return true;
}

bool TlsLayer::send(std::span<const Bytes> pieces) {
    has_room_ = true;
    const bool alone = gathered.owner == nullptr;
    if (alone) {
        gathered.owner = this;
        gathered.size = 0;
    }
    if (!alone && !gathers() && encrypt_joined(pieces)) return has_room_;
    for (const Bytes piece : pieces) {
        if (gathers())
            gather(piece);
        else if (!piece.empty())
            encrypt(piece);
    }
    if (alone) stop_gathering();
    return has_room_;
}

bool TlsLayer::write_shared(SharedBytes buffer) {
    if (has(kQueued)) return keep(std::move(buffer));
    const Bytes piece = buffer.bytes;
    return pass_on(std::span<const Bytes>(&piece, 1));
}

Transport::Sent TlsLayer::transmit_file(const FileRange& range, std::uint64_t most) {
    std::array<std::byte, kMostPlain> bytes;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(most, bytes.size()));
    const auto got = range.file->read(range.offset, MutableBytes(bytes).first(size));
    if (!got) return {.error = got.error()};
    if (*got == 0) return {.error = switchboard::errc::file_too_short};
    const iovec piece{bytes.data(), *got};
    return transmit(&piece, 1);
}

void TlsLayer::transmit_fin() noexcept {
    farewell();
    Layer::transmit_fin();
}

void TlsLayer::farewell() {
    if (gathers()) flush_gathered();
    if (!ssl_ || failed_ || said_goodbye_ || SSL_is_init_finished(ssl_.get()) == 0) return;
    said_goodbye_ = true;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
}

void TlsLayer::abort(std::error_code reason) {
    if (gathers()) gathered.size = 0;
    Layer::abort(reason);
}

std::size_t TlsLayer::queued() const noexcept {
    return Layer::queued() + (gathers() ? gathered.size : 0);
}

// ---- what was agreed on

std::string TlsLayer::agreed_protocol() const {
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
    if (size == 0) return "";
    return {reinterpret_cast<const char*>(protocol), size};
}

void TlsLayer::log_key(const SSL* ssl, const char* line) {
    try {
        of(ssl).options_.key_log(line);
    } catch (...) {  // OpenSSL is C
    }
}

std::optional<Security> TlsLayer::security() const {
    if (!ssl_ || SSL_is_init_finished(ssl_.get()) == 0) return std::nullopt;
    Security agreed;
    agreed.version = SSL_get_version(ssl_.get());
    agreed.cipher = SSL_get_cipher_name(ssl_.get());
    agreed.protocol = agreed_protocol();
    agreed.resumed = SSL_session_reused(ssl_.get()) == 1;
    const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    if (name != nullptr) agreed.server_name = name;
    const bool verifies = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
    X509* const peer = verifies ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
    if (peer != nullptr && SSL_get_verify_result(ssl_.get()) == X509_V_OK)
        agreed.peer = std::make_shared<const Identity>(identity_of(peer));
    return agreed;
}

// ---- the BIO between OpenSSL and the connection below

BIO_METHOD* TlsLayer::bio_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* const made =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "switchboard");
        BIO_meth_set_create(made, [](BIO* bio) {
            BIO_set_init(bio, 1);
            return 1;
        });
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long {
            return command == BIO_CTRL_FLUSH ? 1 : 0;
        });
        return made;
    }();
    return method;
}

int TlsLayer::bio_read(BIO* bio, char* to, int size) {
    Bytes& input = static_cast<TlsLayer*>(BIO_get_data(bio))->input_;
    BIO_clear_retry_flags(bio);
    if (input.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const std::size_t part = std::min(input.size(), static_cast<std::size_t>(size));
    std::memcpy(to, input.data(), part);
    input = input.subspan(part);
    return static_cast<int>(part);
}

int TlsLayer::bio_write(BIO* bio, const char* from, int size) {
    auto& layer = *static_cast<TlsLayer*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::string_view record(from, static_cast<std::size_t>(size));
    if (!layer.below().write(as_bytes(record))) layer.has_room_ = false;
    return size;
}

}  // namespace switchboard::tls::detail
