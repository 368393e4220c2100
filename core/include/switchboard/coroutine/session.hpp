// The Protocol that runs a session. Private to coroutine.hpp and reactor_coroutine.hpp.
#pragma once

#include <exception>
#include <switchboard/coroutine/awaits.hpp>

namespace switchboard::detail {

class Session : public Protocol, private Pump {
public:
    void on_open(Connection& connection) final;
    std::size_t on_data(Connection& connection, MutableBytes in) final;
    void on_writable(Connection& connection) final;
    void on_resume(Connection& connection) final;
    void on_eof(Connection& connection) final;
    void on_deadline(Connection& connection) final;
    void on_shutdown(Connection& connection) final;
    void on_close(std::error_code reason) noexcept final;
    bool is_busy() const noexcept final { return task_ && !stream_.is_reading(); }
    bool reads_under_backpressure() const noexcept final { return stream_.has(Stream::kReadsOn); }

protected:
    Session() noexcept : Pump(finished) {}
    virtual Task<> begin(Stream& stream) = 0;
    // The session has returned, or thrown `failure`. Default: closes the connection, or fails it.
    virtual void over(std::exception_ptr failure) noexcept;

    // Destroys the session where it waits. The connection stays open until somebody ends it.
    void cancel() noexcept { task_ = {}; }
    Stream& stream() noexcept { return stream_; }
    // Whether another protocol comes next, so that the connection is not to be closed.
    bool has_switched() const noexcept { return stream_.has(Stream::kSwitched); }

private:
    static void finished(Pump& pump);
    void report_failure();
    std::size_t give(MutableBytes in);
    std::size_t used_of(MutableBytes in);
    void resume_read();
    void fail_read(int why);
    void resume_due();
    void resume_waits(Wait::For what);

    Stream stream_;
    Task<> task_;  // its frames use the Stream
    std::exception_ptr failure_;
};

template <class Function>
class SessionOf final : public Session {
public:
    explicit SessionOf(const Function& session) : session_(session) {}
    ~SessionOf() override { cancel(); }  // its frames use session_

private:
    Task<> begin(Stream& stream) override { return session_(stream); }

    Function session_;
};

}  // namespace switchboard::detail
