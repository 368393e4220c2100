#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "accept_key.hpp"
#include "answer.hpp"
#include "base/deadline.hpp"
#include "extension.hpp"
#include "url.hpp"

namespace switchboard::websocket {
namespace detail {
namespace {

constexpr std::size_t kMaxBody = 64 * 1024;

std::string make_request(const Url& url, std::string_view key, const Options& options) {
    std::string text = "GET " + url.target + " HTTP/1.1\r\nHost: " + url.authority +
                       "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ";
    text.append(key) += "\r\nSec-WebSocket-Version: 13\r\n";
    std::string names;
    for (const auto& name : options.subprotocols) names += (names.empty() ? "" : ", ") + name;
    if (!names.empty()) text += "Sec-WebSocket-Protocol: " + names + "\r\n";
    if (options.deflate.enabled)
        text += "Sec-WebSocket-Extensions: " + make_offer(options.deflate) + "\r\n";
    for (const auto& [name, value] : options.fields) text += name + ": " + value + "\r\n";
    return text + "\r\n";
}

// Returns how many bytes the body has; nothing if only the end of the connection shows it. A chunked body is
// not decoded.
std::optional<std::size_t> body_size(const Fields& fields) {
    if (fields.count("Transfer-Encoding") != 0) return 0;
    const auto text = fields.first("Content-Length");
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
    return std::min(size, kMaxBody);
}

class ClientHandshake final : public Protocol {
public:
    ClientHandshake(Url url, std::unique_ptr<Handler> handler, std::shared_ptr<const Shared> shared,
                    std::function<void(const Refusal&)> refused)
        : url_(std::move(url)),
          handler_(std::move(handler)),
          shared_(std::move(shared)),
          refused_(std::move(refused)) {}
    ~ClientHandshake() override { end("the handshake did not end"); }

    void on_open(Connection& connection) override {
        key_ = make_key();
        connection.set_deadline(
            switchboard::detail::limit_after(connection.now(), shared_->options.handshake_timeout));
        connection.write(make_request(url_, key_, shared_->options));
    }
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_eof(Connection& connection) override;
    void on_deadline(Connection& connection) override;
    void on_close(std::error_code reason) noexcept override {
        end(reason ? "the connection ended" : "the server ended the connection");
    }

private:
    std::size_t open(Connection& connection, const AnswerHead& head);
    std::size_t take_body(Connection& connection, Bytes in);
    void refuse(Connection& connection);
    void end(const char* why) noexcept;
    void tell(const Refusal& refusal) noexcept;

    const Url url_;
    std::unique_ptr<Handler> handler_;
    const std::shared_ptr<const Shared> shared_;
    std::function<void(const Refusal&)> refused_;
    std::string key_;
    unsigned status_ = 0;  // of an answer that refuses; its body is being read
    std::size_t body_left_ = 0;
    std::string body_;
};

void ClientHandshake::tell(const Refusal& refusal) noexcept {
    const auto refused = std::exchange(refused_, {});
    const auto handler = std::exchange(handler_, {});
    if (refused) refused(refusal);
    if (handler) handler->on_close(code::kLost, refusal.why);
}

void ClientHandshake::end(const char* why) noexcept {
    if (handler_) tell({.why = why});
}

std::size_t ClientHandshake::open(Connection& connection, const AnswerHead& head) {
    Opening opening;
    if (const char* const wrong = check_answer(head, key_, shared_->options, opening)) {
        tell({.status = 101, .why = wrong});
        connection.close(errc::malformed_message);
        return 0;
    }
    connection.set_deadline(Clock::time_point::max());
    connection.switch_to(
        std::make_unique<Engine>(std::move(handler_), shared_, std::move(opening)));
    return head.size;
}

void ClientHandshake::refuse(Connection& connection) {
    const std::string why = "status " + std::to_string(status_);
    tell({.status = status_, .body = body_, .why = why});
    connection.close(make_error_code(std::errc::connection_refused));
}

std::size_t ClientHandshake::take_body(Connection& connection, Bytes in) {
    const auto part = as_text(in.first(std::min(in.size(), body_left_)));
    body_ += part;
    body_left_ -= part.size();
    if (body_left_ == 0) refuse(connection);
    return part.size();
}

std::size_t ClientHandshake::on_data(Connection& connection, MutableBytes in) {
    if (status_ != 0) return take_body(connection, in);
    AnswerHead head;
    if (!parse_answer(as_text(in), head)) {
        end("the answer is not HTTP/1.1");
        connection.close(errc::malformed_message);
        return 0;
    }
    if (head.size == 0 || (head.status < 200 && head.status != 101)) return head.size;
    if (head.status == 101) return open(connection, head);
    status_ = head.status;
    body_left_ = body_size(Fields{head.fields}).value_or(kMaxBody);
    if (body_left_ == 0) refuse(connection);
    return head.size;
}

void ClientHandshake::on_eof(Connection& connection) {
    if (status_ != 0) return refuse(connection);
    end("the server ended the connection");
    connection.close(errc::incomplete_message);
}

void ClientHandshake::on_deadline(Connection& connection) {
    if (status_ != 0) return refuse(connection);
    end("handshake_timeout");
    connection.abort(make_error_code(std::errc::timed_out));
}

}  // namespace
}  // namespace detail

Result<std::unique_ptr<Protocol>> connect(std::string_view url, std::unique_ptr<Handler> handler,
                                          const Settings& settings,
                                          std::function<void(const Refusal&)> refused) {
    auto parsed = detail::parse_url(url);
    if (!parsed) return tl::unexpected(std::move(parsed.error()));
    return std::make_unique<detail::ClientHandshake>(std::move(*parsed), std::move(handler),
                                                     settings.shared(), std::move(refused));
}

Result<Endpoint> server_of(std::string_view url) {
    const auto parsed = detail::parse_url(url);
    if (!parsed) return tl::unexpected(parsed.error());
    return Endpoint::tcp(parsed->host, parsed->port);
}

}  // namespace switchboard::websocket
