#include "open_answer.hpp"

#include <stdexcept>
#include <utility>

#include "base/deadline.hpp"
#include "server_protocol.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {

using switchboard::detail::limit_after;

void OpenAnswer::set_status(unsigned code) {
    check_status(code);
    status_ = code;
}

void OpenAnswer::add_field(std::string_view name, std::string_view value) {
    check_field(name, value);
    append_field(fields_, name, value);
}

void OpenAnswer::set_on_gone(std::function<void(std::error_code)> fn) {
    if (alive()) on_gone_ = std::move(fn);
}

// The functions of the user are destroyed last, because they may own the handle.
void OpenAnswer::finish(std::error_code reason) {
    answered_ = true;
    report(status_);
    const auto on_gone = std::exchange(on_gone_, nullptr);
    const auto on_room = std::exchange(on_room_, nullptr);
    std::exchange(protocol_, nullptr)->answered(*connection_, facts_.last, room_, reason);
}

template <class Send>
void OpenAnswer::answer(const Send& send, std::error_code reason) {
    if (answered_) throw std::logic_error("HTTP request answered twice");
    if (!alive()) return;
    Exchange exchange(*connection_, facts_, protocol_->shared(), status_, fields_);
    send(exchange);
    facts_.last = exchange.last();
    room_ = exchange.has_room();
    status_ = exchange.status();
    if (!head_sent_) bytes_ = exchange.bytes();
    if (!head_sent_) finish(reason);
}

void OpenAnswer::send(std::string_view body) {
    answer([&](Exchange& exchange) { exchange.send(body); });
}

void OpenAnswer::send(SharedBytes body) {
    answer([&](Exchange& exchange) { exchange.send(std::move(body)); });
}

void OpenAnswer::send_file(FileRange body) {
    answer([&](Exchange& exchange) { exchange.send_file(std::move(body)); });
}

void OpenAnswer::send_head(std::optional<std::uint64_t> length) {
    has_length_ = length.has_value();
    left_ = length.value_or(0);
    answer([&](Exchange& exchange) {
        body_end_ = exchange.send_head(length);
        head_sent_ = true;
    });
    if (!alive()) return;
    fields_ = {};
    deadline_ = Clock::time_point::max();
    protocol_->arm(*connection_);
}

void OpenAnswer::drop() noexcept {
    if (!alive()) return;
    dropped_ = true;
    try {
        answer([](Exchange& exchange) { exchange.refuse(500); }, errc::handler_failed);
    } catch (...) {  // if memory runs out
        connection_->abort(errc::handler_failed);
    }
}

void OpenAnswer::start_waiting(Clock::time_point now) noexcept {
    if (!head_sent_) deadline_ = limit_after(now, within_);
}

// Only a late answer leaves the connection in order.
void OpenAnswer::fail(unsigned status, std::error_code why) {
    const auto on_gone = std::exchange(on_gone_, nullptr);
    if (head_sent_) {
        abort(why);
    } else {
        fields_.clear();
        status_ = status;
        facts_.last = facts_.last || status != 503;
        answer([](Exchange& exchange) { exchange.send_reason(); },
               status != 503 ? why : std::error_code());
        answered_ = false;  // an answer of the handle comes too late, but not twice
    }
    if (on_gone) on_gone(why);
}

void OpenAnswer::remember(std::string_view method, std::string_view target) {
    method_ = method;
    target_ = target;
}

void OpenAnswer::report(unsigned status) {
    protocol_->report(*connection_, method_, target_, status, bytes_);
}

void OpenAnswer::gone(std::error_code why) noexcept {
    report(head_sent_ ? status_ : 0);
    protocol_ = nullptr;
    const auto on_room = std::exchange(on_room_, nullptr);
    if (const auto on_gone = std::exchange(on_gone_, nullptr)) on_gone(why);
}

}  // namespace switchboard::http::detail

namespace switchboard::http {

Later::Later(std::shared_ptr<detail::OpenAnswer> answer) noexcept : answer_(std::move(answer)) {}

Later::Later(Later&&) noexcept = default;

Later& Later::operator=(Later&& other) noexcept {
    Later old(std::exchange(answer_, std::move(other.answer_)));
    return *this;
}

Later::~Later() {
    if (answer_) answer_->drop();
}

Later& Later::status(unsigned code) {
    answer_->set_status(code);
    return *this;
}

Later& Later::field(std::string_view name, std::string_view value) {
    answer_->add_field(name, value);
    return *this;
}

void Later::send(std::string_view body) {
    const auto answer = answer_;  // this handle may be destroyed meanwhile
    answer->send(body);
}

void Later::send(SharedBytes body) {
    const auto answer = answer_;
    answer->send(std::move(body));
}

void Later::send_file(FileRange body) {
    const auto answer = answer_;
    answer->send_file(std::move(body));
}

bool Later::alive() const noexcept {
    return answer_ && answer_->alive();
}

Stream Later::stream(std::optional<std::uint64_t> length) {
    answer_->send_head(length);
    return Stream(std::move(answer_));
}

Later& Later::on_gone(std::function<void(std::error_code)> fn) {
    answer_->set_on_gone(std::move(fn));
    return *this;
}

}  // namespace switchboard::http
