// One call: its requests, one for each redirect and each retry, and its reply.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <switchboard/http_client.hpp>

#include "client_protocol.hpp"
#include "gunzip.hpp"
#include "pool.hpp"
#include "redirect.hpp"

namespace switchboard::http::detail {

class Job final : public ExchangeUser, public Borrower, public std::enable_shared_from_this<Job> {
public:
    // `finished` is called once, when the result is known, unless the job is abandoned before.
    Job(Pool& pool, const ClientOptions& options, Call call, CallHooks hooks,
        std::function<void()> finished)
        : pool_(pool),
          options_(options),
          call_(std::move(call)),
          hooks_(std::move(hooks)),
          finished_(std::move(finished)) {}

    void begin();  // call it from within run()
    void resume();
    void abandon();  // ends the exchange; nothing is called any more
    void fail(std::error_code error, const std::string& what);
    std::optional<Result<Reply>>& result() noexcept { return result_; }

    void lent(ClientProtocol& connection, bool kept) override;
    void failed(const Error& error) override;
    void on_head(const ReplyHead& head) override;
    bool on_body(Bytes piece) override;
    void on_end(Ending ending) override;

private:
    void lend(bool fresh);
    bool begins_redirect(const ReplyHead& head);
    void follow();
    void follow_to(Url url);
    void begin_reply(const ReplyHead& head);
    bool has_body(const ReplyHead& head) const noexcept;
    bool decode(Bytes piece);
    bool deliver(Bytes piece);
    bool may_retry(const Ending& ending) const noexcept;
    void finish(Result<Reply> result);
    void leave_connection();

    Pool& pool_;  // valid until the job is over
    const ClientOptions& options_;
    Call call_;
    const CallHooks hooks_;
    const std::function<void()> finished_;
    Url url_;
    ClientProtocol* connection_ = nullptr;  // while an exchange is in progress
    std::optional<std::string> location_;   // the reply is a redirect to it
    std::unique_ptr<Gunzip> gunzip_;
    Reply reply_;
    std::optional<Result<Reply>> result_;
    std::uint64_t skipped_ = 0;  // of the body of a redirect
    unsigned redirects_ = 0;
    bool asked_gzip_ = false;
    bool kept_ = false;  // the connection was used before
    bool over_ = false;
};

}  // namespace switchboard::http::detail
