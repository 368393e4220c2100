// Workloads of requests and replies.
#pragma once

#include "workload/message.hpp"
#include "workload/workload.hpp"

namespace switchboard::bench {

// Defines the n-th request of a connection and its reply, both from 0.
class MessageWorkload : public Workload {
public:
    explicit MessageWorkload(Pattern pattern) : pattern_(std::move(pattern)) {}

    virtual Message request(std::size_t connection, std::uint64_t n) const = 0;
    virtual Message reply(std::size_t connection, std::uint64_t n) const {
        return request(connection, n);
    }
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override;
    std::size_t request_size() const override { return request(0, 0).size(); }

    const Pattern& pattern() const noexcept { return pattern_; }

private:
    Pattern pattern_;
};

class MessageClient : public Conversation {
public:
    MessageClient(const MessageWorkload& workload, Load& load, std::size_t number)
        : Conversation(load, number), workload_(workload) {}

protected:
    std::size_t send_request() override;
    Match match(std::uint64_t n, Bytes in) override;

private:
    const MessageWorkload& workload_;
    std::size_t matched_ = 0;  // bytes of the current reply
};

MadeWorkload make_echo(const WorkloadOptions& options);
MadeWorkload make_lines(const WorkloadOptions& options);
MadeWorkload make_frames(const WorkloadOptions& options);
MadeWorkload make_replies(const WorkloadOptions& options);
MadeWorkload make_slow_reader(const WorkloadOptions& options);
MadeWorkload make_idle(const WorkloadOptions& options);
MadeWorkload make_stalled(const WorkloadOptions& options);
// In the files of their names:
MadeWorkload make_script_workload(const WorkloadOptions& options);
MadeWorkload make_upload(const WorkloadOptions& options);
MadeWorkload make_download(const WorkloadOptions& options);
MadeWorkload make_fan_out(const WorkloadOptions& options);
MadeWorkload make_http(const WorkloadOptions& options);
MadeWorkload make_websocket(const WorkloadOptions& options);

}  // namespace switchboard::bench
