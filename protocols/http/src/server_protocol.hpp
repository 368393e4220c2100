// The server's end of one connection.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <switchboard/http.hpp>

#include "body_reader.hpp"
#include "exchange.hpp"
#include "incoming.hpp"
#include "open_answer.hpp"

namespace switchboard::http::detail {

class ServerProtocol final : public Protocol {
public:
    explicit ServerProtocol(std::shared_ptr<const Shared> shared) noexcept
        : shared_(std::move(shared)) {}

    void on_open(Connection& connection) override;
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_writable(Connection& connection) override;
    void on_resume(Connection& connection) override;
    void on_eof(Connection& connection) override;
    void on_deadline(Connection& connection) override;
    void on_shutdown(Connection& connection) override;
    void on_close(std::error_code reason) noexcept override;
    bool is_busy() const noexcept override { return incoming_ || reader_ || open_; }

    // ---- For the objects of an answer and of a body, while they are alive.
    const Shared& shared() const noexcept { return *shared_; }
    void keep(std::shared_ptr<OpenAnswer> answer) noexcept { open_ = std::move(answer); }
    void keep(std::shared_ptr<BodyReader> reader) noexcept { reader_ = std::move(reader); }
    // The kept answer is complete. `last` closes the connection, `reason` at once. `room` says whether the
    // last write returned true.
    void answered(Connection& connection, bool last, bool room, std::error_code reason);
    void arm(Connection& connection);
    // Calls on_done.
    void report(Connection& connection, std::string_view method, std::string_view target,
                unsigned status, std::uint64_t bytes) const {
        const auto& on_done = shared_->options.on_done;
        if (on_done) on_done({method, target, status, bytes, connection});
    }

private:
    const HttpLimits& limits() const noexcept { return shared_->options.limits; }
    bool is_between_requests() const noexcept {
        return !incoming_ && !reader_ && !open_ && seen_ == 0;
    }
    bool takes_more() const noexcept {
        return room_ && !over_ && (reader_ ? !reader_->paused() : !open_);
    }

    // Each uses bytes at the front of `in`, and returns how many. If it returns 0, it needs more.
    std::size_t read_head(Connection& connection, std::string_view in);
    std::size_t read_body(Connection& connection, std::string_view in);

    std::size_t read_piece(Connection& connection, std::string_view in);

    // The next four return how many bytes behind the head were used.
    std::size_t begin(Connection& connection, std::string_view head_text, std::string_view behind,
                      const Head& head);
    std::size_t expect_body(Connection& connection, std::string_view head_text, bool nothing_came,
                            const Head& head);
    std::size_t answer_first(Connection& connection, std::string_view behind, const Call& call);
    std::size_t skip_body(Connection& connection, std::string_view behind, const Call& call);

    Facts facts_of(const Head& head) const noexcept {
        const bool last =
            !head.keep_alive || requests_ + 1 >= limits().max_requests || shutting_down_;
        return {head, last};
    }
    void answer(Connection& connection, const Facts& facts, const Call& call);
    void refuse(Connection& connection, const Head& head, unsigned status);
    void refuse_head(Connection& connection, unsigned status);
    void refuse_body(Connection& connection, unsigned status, std::error_code why);
    void end_empty_body(Connection& connection);
    void end_body(Connection& connection, std::string_view piece);
    void complete(Connection& connection);
    void rest(Connection& connection);
    Clock::time_point idle_until() const noexcept;
    bool output_is_blocked() const noexcept;
    bool skips_empty_line(std::string_view in) noexcept;
    void stop_idling(Connection& connection);
    void end(Connection& connection, std::error_code reason = {});

    std::shared_ptr<const Shared> shared_;
    std::unique_ptr<Incoming> incoming_;  // a request whose body is not whole yet
    std::shared_ptr<BodyReader> reader_;  // a body that is handed on, or skipped
    std::shared_ptr<OpenAnswer> open_;    // the answer to come, before which nothing more is served
    // The first byte of an incomplete head, or the end of the last request.
    Clock::time_point since_;
    std::size_t seen_ = 0;  // bytes of an incomplete head
    std::size_t requests_ = 0;
    std::size_t unread_ = 0;  // bytes that on_data has left
    bool inside_ = false;     // on_data runs
    bool eof_ = false;        // the peer has sent its FIN
    bool room_ = true;        // the connection takes more output
    bool over_ = false;       // closed, or another protocol has taken over
    bool last_ = false;       // the connection is closed once this request is complete
    bool shutting_down_ = false;
    bool skipped_line_ = false;  // the empty line that may come before a head
    bool idles_ = false;         // the deadline was set between requests, maybe before the last one
};

}  // namespace switchboard::http::detail
