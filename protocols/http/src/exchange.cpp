#include "exchange.hpp"

#include <charconv>
#include <stdexcept>
#include <switchboard/gzip.hpp>

#include "body_reader.hpp"
#include "date.hpp"
#include "files/accept_encoding.hpp"
#include "files/gzip_answer.hpp"
#include "open_answer.hpp"
#include "server_protocol.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

// The server decides about these itself. A handler that could set them could smuggle another answer.
bool is_own_field(std::string_view name) noexcept {
    static constexpr std::string_view kOwn[] = {"content-length", "transfer-encoding", "connection",
                                                "upgrade", "date"};
    for (const std::string_view own : kOwn)
        if (equals(name, own)) return true;
    return false;
}

template <class Number>
std::string_view digits(std::array<char, 20>& text, Number value) noexcept {
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), static_cast<std::size_t>(end - text.data())};
}

[[noreturn]] void refuse_value(std::string_view name) {
    throw std::invalid_argument("HTTP field \"" + std::string(name) + "\" has a control character");
}

[[noreturn]] void answered_twice() {
    throw std::logic_error("HTTP request answered twice");
}

}  // namespace

void check_status(unsigned code) {
    if (code < 200 || code > 599)
        throw std::invalid_argument("HTTP status " + std::to_string(code) + " is not an answer's");
}

void check_field(std::string_view name, std::string_view value) {
    if (!is_token(name) || is_own_field(name))
        throw std::invalid_argument("HTTP field name \"" + std::string(name) + "\" is not allowed");
    if (!is_value(value)) refuse_value(name);
}

void Exchange::set_status(unsigned code) {
    check_status(code);
    status_ = code;
}

void Exchange::add_field(std::string_view name, std::string_view value) {
    check_field(name, value);
    text_.add_field(name, value);
}

void Exchange::add_type(std::string_view content_type) {
    if (!is_value(content_type)) refuse_value("Content-Type");
    text_.add_line("Content-Type: ", content_type);
}

// RFC 9110, sections 6.4.1, 15.3.5 and 15.4.5.
bool Exchange::sends_body() const noexcept {
    return status_ != 204 && status_ != 304 && !facts_.only_head;
}

void Exchange::put_status_line() {
    const auto& clock = shared_.options.clock;
    if (clock && status_ == 200) return text_.put_before(ok_and_date_lines(clock()));
    if (clock) text_.put_before(date_line(clock()));
    text_.put_before("\r\n");
    text_.put_before(reason_phrase(status_));
    text_.put_before(" ");
    std::array<char, 20> text;
    text_.put_before(digits(text, status_));
    text_.put_before("HTTP/1.1 ");
}

void Exchange::finish_head(std::optional<std::uint64_t> length) {
    if (sent_) answered_twice();
    sent_ = true;
    bytes_ = sends_body() ? length.value_or(0) : 0;
    // Neither a 204 nor a 304 has a length or a coding (RFC 9110, section 8.6; RFC 9112, section 6.1).
    const bool framed = status_ != 204 && status_ != 304;
    if (framed && !length && facts_.http10) facts_.last = true;
    const std::string& server = shared_.options.server_field;
    if (!server.empty()) text_.add_field("Server", server);
    if (facts_.last)
        text_.add("Connection: close\r\n");
    else if (facts_.http10)
        text_.add("Connection: keep-alive\r\n");
    if (framed && length && !hides_length_) {
        text_.add_last_line("Content-Length: ", *length);
    } else {
        const bool chunked = framed && !length && !facts_.http10;
        text_.add(chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    }
    put_status_line();
}

BodyEnd Exchange::send_head(std::optional<std::uint64_t> length) {
    finish_head(length);
    room_ = connection_.write(text_.text());
    if (!sends_body()) return BodyEnd::no_body;
    if (length) return BodyEnd::length;
    return facts_.http10 ? BodyEnd::close : BodyEnd::chunks;
}

// Returns whether `small` is sent in place of the body. HEAD has the fields that GET would have.
bool Exchange::compress(Bytes body, std::pmr::vector<std::byte>& small) {
    if (!shared_.pool || sent_ || !suits_gzip(status_, body.size(), text_)) return false;
    const bool accepted =
        call_ != nullptr ? accepts_gzip(call_->head.fields()) : facts_.accepts_gzip;
    if (!accepted) return false;
    if (sends_body()) {
        gzip(*shared_.pool, body, small);
        if (small.size() >= body.size()) return false;
    }
    hides_length_ = !sends_body();
    mark_as_gzip(text_);
    return true;
}

void Exchange::send(std::string_view body) {
    if (body.size() < kLeastCompressed) return send_as_is(body);
    std::pmr::vector<std::byte> small(connection_.memory());
    send_as_is(compress(as_bytes(body), small) ? as_text(small) : body);
}

void Exchange::send_as_is(std::string_view body) {
    finish_head(body.size());
    const bool with_body = sends_body() && !body.empty();
    if (!with_body || body.size() <= text_.free()) {
        if (with_body) text_.add(body);
        room_ = connection_.write(text_.text());
        return;
    }
    const Bytes pieces[] = {as_bytes(text_.text()), as_bytes(body)};
    room_ = connection_.write(pieces);
}

void Exchange::send(SharedBytes body) {
    std::pmr::vector<std::byte> small(connection_.memory());
    if (compress(body.bytes, small)) return send_as_is(as_text(small));
    finish_head(body.bytes.size());
    room_ = connection_.write(text_.text());
    if (sends_body() && !body.bytes.empty()) room_ = connection_.write_shared(std::move(body));
}

// The next request waits for the file, so that a pipeline cannot keep many files open.
void Exchange::send_file(FileRange body) {
    if (!body.file) throw std::invalid_argument("HTTP answer without its file");
    finish_head(body.length);
    room_ = connection_.write(text_.text());
    if (!sends_body() || body.length == 0) return;
    connection_.send_file(std::move(body));
    room_ = false;
}

void Exchange::upgrade(std::string_view protocol, std::unique_ptr<Protocol> next) {
    if (sent_) answered_twice();
    bool offered = false;
    each_element(facts_.upgrade, [&](std::string_view name) {
        offered = offered || equals_without_case(name, protocol);
    });
    if (!offered)
        throw std::logic_error("the client did not offer to upgrade to " + std::string(protocol));
    text_.add_field("Connection", "Upgrade");
    text_.add_field("Upgrade", protocol);
    text_.add("\r\n");
    status_ = 101;
    put_status_line();
    sent_ = upgraded_ = true;
    connection_.write(text_.text());
    connection_.switch_to(std::move(next));
}

Later Exchange::later() {
    if (sent_) answered_twice();
    facts_.accepts_gzip = shared_.pool && accepts_gzip(call_->head.fields());
    open_ = std::make_shared<OpenAnswer>(*protocol_, connection_, facts_, status_, text_.text());
    if (shared_.options.on_done) open_->remember(call_->head.method, call_->head.target);
    protocol_->keep(open_);
    sent_ = true;
    return Later(open_);
}

Upload Exchange::read(Reader reader) {
    const bool answered = sent_ && !(open_ && open_->alive());
    if (call_->route.options.body != Body::stream || reads_ || answered)
        throw std::logic_error("the body of this HTTP request cannot be read now");
    const bool head_sent = open_ && open_->head_sent();
    reads_ = true;
    facts_.last = facts_.last_if_read;
    if (open_) open_->body_is_read();
    if (facts_.awaits_continue && !head_sent) connection_.write("HTTP/1.1 100 Continue\r\n\r\n");
    const BodyInput input(call_->head, call_->route.options.max_body, connection_.now());
    auto body = std::make_shared<BodyReader>(*protocol_, connection_, input, std::move(reader));
    protocol_->keep(body);
    return Upload(std::move(body));
}

void Exchange::refuse(unsigned status) {
    text_.clear();
    facts_.last = true;
    status_ = status;
    send_reason();
}

void Exchange::send_reason() {
    text_.add("Content-Type: text/plain\r\n");
    send(std::string(reason_phrase(status_)) + "\n");
}

void Exchange::run(const Call& call, ServerProtocol& protocol) {
    protocol_ = &protocol;
    call_ = &call;
    const Request request(call.head, call.body, call.trailers, call.captures, connection_);
    Response response(*this);
    try {
        call.route.handler(request, response);
    } catch (...) {
        const bool answered = sent_ && !(open_ && open_->dropped());
        if (answered) throw;
    }
    failed_ = !sent_;
    if (failed_) refuse(500);
}

}  // namespace switchboard::http::detail

namespace switchboard::http {

Response& Response::status(unsigned code) {
    exchange_.set_status(code);
    return *this;
}

Response& Response::field(std::string_view name, std::string_view value) {
    exchange_.add_field(name, value);
    return *this;
}

Response& Response::type(std::string_view content_type) {
    exchange_.add_type(content_type);
    return *this;
}

void Response::send(std::string_view body) {
    exchange_.send(body);
}

void Response::send(SharedBytes body) {
    exchange_.send(std::move(body));
}

void Response::send_file(FileRange body) {
    exchange_.send_file(std::move(body));
}

void Response::upgrade(std::string_view protocol, std::unique_ptr<Protocol> next) {
    exchange_.upgrade(protocol, std::move(next));
}

Later Response::later() {
    return exchange_.later();
}

Upload Response::read(Reader reader) {
    return exchange_.read(std::move(reader));
}

bool Response::sent() const noexcept {
    return exchange_.sent();
}

}  // namespace switchboard::http
