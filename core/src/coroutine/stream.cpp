// Stream, and the awaits of it.
#include <switchboard/coroutine.hpp>

#include <algorithm>
#include <cstring>

namespace switchboard {

void Stream::send_file(FileRange range) {
    set(kFull);
    connection_->send_file(std::move(range));
}

void Stream::wake() {
    set(kWoken);
    connection_->resume_reading();
}

void Stream::set_deadline(Clock::time_point when) {
    deadline_ = when;
    clear(kLate);
    if (waits_ == nullptr) return connection_->set_deadline(when);
    arm();
}

void Stream::set_reads_under_backpressure(bool reads) noexcept {
    reads ? set(kReadsOn) : clear(kReadsOn);
}

void Stream::switch_to(std::unique_ptr<Protocol> next) {
    set(kSwitched);
    connection_->switch_to(std::move(next));
}

// The driver has kept bytes. It offers them again in the next turn.
void Stream::read_on() {
    connection_->resume_reading();
}

// The connection has one deadline: that of the Stream, or an earlier end of a sleep.
void Stream::arm() {
    auto earliest = has(kLate) ? Clock::time_point::max() : deadline_;
    for (const detail::Wait* each = waits_; each != nullptr; each = each->next_)
        earliest = std::min(earliest, each->when_);
    connection_->set_deadline(earliest);
}

namespace detail {

bool ReadSome::fails(Stream& stream) noexcept {
    if (stream.has(Stream::kEof) && !stream.has(Stream::kTail))
        stream.why_ = static_cast<int>(errc::end_of_input);
    else if (stream.has(Stream::kLate))
        stream.why_ = kTimedOut;
    else if (stream.has(Stream::kTail))
        stream.read_on();
    return stream.why_ != 0;
}

tl::unexpected<std::error_code> ReadSome::failure(Stream& stream) noexcept {
    const int why = std::exchange(stream.why_, 0);
    return tl::unexpected(why == kTimedOut ? std::make_error_code(std::errc::timed_out)
                                           : make_error_code(static_cast<errc>(why)));
}

bool Read::look() {
    if (is_complete()) return true;
    if (kind_ == Kind::until && stream_.window_.size() >= size_)
        stream_.why_ = static_cast<int>(errc::message_too_large);
    else if (stream_.has(Stream::kEof))
        stream_.why_ = static_cast<int>(errc::incomplete_message);
    return stream_.why_ != 0;
}

bool Read::is_complete() {
    MutableBytes& window = stream_.window_;
    if (kind_ == Kind::exactly) return window.size() >= size_;
    if (kind_ == Kind::into) {
        const std::size_t count = std::min(size_, window.size());
        std::memcpy(rest_, window.data(), count);
        window = window.subspan(count);
        started_ = true;
        rest_ += count;
        size_ -= count;
        return size_ == 0;
    }
    const std::string_view text = as_text(window.first(std::min(size_, window.size())));
    const auto found = text.find({text_, text_size_}, scanned_);
    if (found != std::string_view::npos) return size_ = found + text_size_, true;
    scanned_ = text.size() - std::min(text.size(), text_size_ - 1);
    return false;
}

int Read::why_at_eof() const noexcept {
    const bool partly = started_ || stream_.has(Stream::kTail);
    return static_cast<int>(partly ? errc::incomplete_message : errc::end_of_input);
}

Awaited<void> ReadInto::await_resume() const noexcept {
    if (stream().why_ != 0) [[unlikely]]
        return ReadSome::failure(stream());
    return {};
}

bool Wait::await_ready() noexcept {
    if (what_ == For::drain && !stream_.has(Stream::kFull)) return true;
    if (what_ == For::wake && stream_.has(Stream::kWoken))
        return stream_.clear(Stream::kWoken), true;
    return timed_out_ = stream_.has(Stream::kLate);
}

Awaited<void> Wait::await_resume() const noexcept {
    if (timed_out_) [[unlikely]]
        return tl::unexpected(std::make_error_code(std::errc::timed_out));
    return {};
}

void Wait::link() {
    next_ = std::exchange(stream_.waits_, this);
    if (when_ != Clock::time_point::max()) stream_.arm();
}

// It is in one of two lists, which are short.
void Wait::unlink() noexcept {
    for (Wait** head : {&stream_.waits_, &stream_.due_}) {
        for (Wait** at = head; *at != nullptr; at = &(*at)->next_) {
            if (*at != this) continue;
            *at = next_;
            pump_ = nullptr;
            return;
        }
    }
}

}  // namespace detail
}  // namespace switchboard
