// The client's end of one connection: one exchange after another.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/http_client.hpp>
#include <switchboard/protocol.hpp>

#include "reply_parser.hpp"

namespace switchboard::http::detail {

// A request in the form in which it is sent.
struct Outgoing {
    std::string head;            // the request line and the fields, with the empty line
    std::string_view body = {};  // must live until the exchange is over
    const std::function<bool(BodyWriter&)>* source =
        nullptr;                               // in place of `body`, and as long-lived
    std::optional<std::uint64_t> length = {};  // of the source; none: in chunks
    ReplyTo reply_to = ReplyTo::other;
};

// How an exchange ended.
struct Ending {
    std::error_code error = {};  // none: the reply is whole
    const char* why = "";        // more about the error
    bool nothing_came = false;   // no byte of a reply
    OwnedFields trailers = {};
};

// The user of one exchange. It may call the connection's members from within its own.
class ExchangeUser {
public:
    virtual ~ExchangeUser() = default;
    virtual void on_head(const ReplyHead& head) = 0;  // the final answer; views
    // Part of the body, or nothing after resume(). Returns false to pause until resume().
    virtual bool on_body(Bytes piece) = 0;
    // The last call. Not called after cancel() or detach().
    virtual void on_end(Ending ending) = 0;
};

// What owns the connection, such as a pool.
class ConnectionOwner {
public:
    virtual ~ConnectionOwner() = default;
    virtual void opened(ClientProtocol& connection) = 0;  // an exchange may start
    virtual void freed(
        ClientProtocol& connection) = 0;  // an exchange ended, the next one may start
    // No exchange can start any more. The last call, and the connection must not be used after it. May come
    // without opened().
    virtual void gone(ClientProtocol& connection) noexcept = 0;
};

struct ClientLimits {
    std::chrono::milliseconds head{30'000}, body_idle{60'000}, keep_alive{60'000};
    std::size_t max_head = 64 * 1024;
};

class ClientProtocol final : public Protocol {
public:
    ClientProtocol(const ClientLimits& limits, std::shared_ptr<ConnectionOwner> owner)
        : limits_(limits), owner_(std::move(owner)), parser_(limits.max_head) {}
    ~ClientProtocol() override { leave_owner(); }

    // Sends a request. Call it only if opened() or freed() allows it.
    void start(std::shared_ptr<ExchangeUser> user, Outgoing request);
    // resume() ends a pause: the user is called again from a later callback of the driver. cancel() ends the
    // exchange and aborts the connection. Both do nothing if the exchange is not that of `by`: within a
    // callback, the next one may already have started.
    void resume(const ExchangeUser& by);
    void cancel(const ExchangeUser& by);
    void detach();  // the owner is gone: the same, or closes the connection if it is unused
    void close();   // closes an unused connection

    void on_open(Connection& connection) override;
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_writable(Connection& connection) override;
    void on_resume(Connection& connection) override;
    void on_eof(Connection& connection) override;
    void on_deadline(Connection& connection) override;
    void on_shutdown(Connection& connection) override;
    void on_close(std::error_code reason) noexcept override;
    bool is_busy() const noexcept override { return user_ != nullptr; }
    bool reads_under_backpressure() const noexcept override { return true; }

private:
    friend class http::BodyWriter;
    bool write_body(Bytes piece);
    void send_body();
    void call_source();
    void end_request();
    std::size_t advance(std::string_view in);
    void take_head();
    void take_body(std::string_view piece);
    void complete(bool nothing_behind);
    void fail(std::error_code error, const char* why);
    void arm();
    void progress();
    void leave_owner() noexcept;
    void abandon();
    bool sends() const noexcept { return user_ && !request_out_ && !stopped_; }

    const ClientLimits limits_;
    std::shared_ptr<ConnectionOwner> owner_;  // null once it was told that the connection is gone
    Connection* connection_ = nullptr;        // while it is open
    std::shared_ptr<ExchangeUser> user_;      // while an exchange is in progress
    Outgoing request_;
    ReplyParser parser_;
    Clock::time_point last_;  // a byte of a body moved, or the request was sent
    std::uint64_t sent_ = 0;  // bytes of the body
    std::size_t unread_ = 0;  // bytes that the last on_data left
    bool room_ = true;        // the connection takes more output
    bool waits_ = false;      // the source had nothing to write
    bool request_out_ = true;
    bool stopped_ = false;  // the rest of the request is not sent
    bool came_ = false;     // a byte of the reply
    bool paused_ = false;   // by the user
    bool last_exchange_ = false;
};

}  // namespace switchboard::http::detail
