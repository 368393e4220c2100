// Callbacks of a connection become the results of awaits.
#include <switchboard/coroutine.hpp>

namespace switchboard::detail {

void Session::on_open(Connection& connection) {
    stream_.connection_ = &connection;
    stream_.memory_ = connection.memory();
    task_ = begin(stream_);
    if (!task_) return connection.close();  // `session` was no coroutine
    start(task_.handle(), task_.handle().promise());
    report_failure();
}

// The common case: the session waits for any bytes, and takes them all.
std::size_t Session::on_data(Connection&, MutableBytes in) {
    Pump* const reader = std::exchange(stream_.reader_, nullptr);
    if (reader == nullptr) [[unlikely]]
        return give(in);
    stream_.clear(Stream::kTail);
    stream_.window_ = in;
    if (reader->run()) [[unlikely]]
        report_failure();
    return in.size();
}

std::size_t Session::give(MutableBytes in) {
    report_failure();
    stream_.clear(Stream::kTail);
    stream_.window_ = in;
    if (stream_.read_ != nullptr && stream_.read_->look()) resume_read();
    return used_of(in);
}

// Whatever the session has left in the window is kept by the driver. If no read waits for more, reading is
// paused: the bytes then do not count as a message that is too large, and the peer is held up.
std::size_t Session::used_of(MutableBytes in) {
    const std::size_t left = std::exchange(stream_.window_, {}).size();
    report_failure();
    if (left == 0) return in.size();
    stream_.set(Stream::kTail);
    if (task_ && !stream_.is_reading() && !stream_.has(Stream::kSwitched))
        stream_.connection_->pause_reading();
    return in.size() - left;
}

void Session::resume_read() {
    std::exchange(stream_.read_, nullptr)->pump_->run();
}

void Session::fail_read(int why) {
    stream_.why_ = why;
    if (Pump* const reader = std::exchange(stream_.reader_, nullptr))
        reader->run();
    else
        resume_read();
}

void Session::on_eof(Connection&) {
    stream_.set(Stream::kEof);
    if (stream_.reader_ != nullptr)
        fail_read(static_cast<int>(errc::end_of_input));
    else if (stream_.read_ != nullptr)
        fail_read(stream_.read_->why_at_eof());
    report_failure();
}

void Session::on_writable(Connection&) {
    stream_.clear(Stream::kFull);
    resume_waits(Wait::For::drain);
}

void Session::on_resume(Connection&) {
    if (stream_.has(Stream::kWoken)) resume_waits(Wait::For::wake);
    report_failure();
}

void Session::on_shutdown(Connection&) {
    stream_.set(Stream::kStopping | Stream::kWoken);
    resume_waits(Wait::For::wake);
}

void Session::resume_waits(Wait::For what) {
    for (Wait** at = &stream_.waits_; *at != nullptr;) {
        Wait& wait = **at;
        if (wait.what_ != what) {
            at = &wait.next_;
            continue;
        }
        *at = wait.next_;
        wait.next_ = std::exchange(stream_.due_, &wait);
        if (what == Wait::For::wake) stream_.clear(Stream::kWoken);
    }
    resume_due();
    report_failure();
}

// A wait that goes on may end others, which then leave the list.
void Session::resume_due() {
    while (stream_.due_ != nullptr) {
        Wait& wait = *stream_.due_;
        stream_.due_ = wait.next_;
        std::exchange(wait.pump_, nullptr)->run();
    }
}

// A wait that begins now is not among those that are due. So a session that sleeps for no time at all lets
// others run.
void Session::on_deadline(Connection& connection) {
    const auto now = connection.now();
    if (stream_.deadline_ <= now) stream_.set(Stream::kLate);
    for (Wait** at = &stream_.waits_; *at != nullptr;) {
        Wait& wait = **at;
        wait.timed_out_ = wait.when_ > now && stream_.has(Stream::kLate);
        if (wait.when_ > now && !wait.timed_out_) {
            at = &wait.next_;
            continue;
        }
        *at = wait.next_;
        wait.next_ = std::exchange(stream_.due_, &wait);
    }
    if (stream_.has(Stream::kLate) && stream_.is_reading()) fail_read(kTimedOut);
    resume_due();
    report_failure();
    if (task_) stream_.arm();
}

void Session::on_close(std::error_code) noexcept {
    if (stream_.connection_ == nullptr) return;  // the connect has failed
    task_ = {};
    FrameMemory::drop_spare(stream_);
}

void Session::finished(Pump& pump) {
    auto& self = static_cast<Session&>(pump);
    std::exception_ptr failure = std::exchange(self.task_.handle().promise().failure, nullptr);
    self.task_ = {};
    self.over(std::move(failure));
}

// A failure is thrown in the session's own callback, where the driver reports it. If the session was resumed
// by other code, this is the callback of the next turn.
void Session::over(std::exception_ptr failure) noexcept {
    if (failure) {
        failure_ = std::move(failure);
        stream_.set(Stream::kFailed);
        stream_.connection_->resume_reading();
    } else if (!has_switched()) {
        stream_.connection_->close();
    }
}

void Session::report_failure() {
    if (!stream_.has(Stream::kFailed)) return;
    stream_.clear(Stream::kFailed);
    stream_.window_ = {};
    std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace switchboard::detail
