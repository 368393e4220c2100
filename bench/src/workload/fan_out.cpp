// One connection sends, and all others receive it through the hub.
#include <algorithm>

#include "base/parse.hpp"
#include "workload/message_workload.hpp"

namespace switchboard::bench {
namespace {

// The last connection is the speaker: when it is connected, all others are members already. A line is an
// exchange, which ends when the last member has received it.
class FanOut final : public Workload {
public:
    FanOut(std::size_t size, std::size_t connections)
        : body_(size - 1), speaker_(connections - 1), pattern_(Pattern::text(size)) {}

    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override;
    std::size_t request_size() const override { return body_ + 1; }

private:
    class Speaker;
    class Member;

    Message line(std::uint64_t n) const {
        return {.position = n * body_, .body = body_, .ends_line = true};
    }
    std::uint64_t said() const { return received_by_all_ + received_by_.size(); }
    void received_by_one(std::uint64_t n);

    std::size_t body_, speaker_;
    Pattern pattern_;
    Speaker* speaking_ = nullptr;          // null unless it is open
    std::deque<std::size_t> received_by_;  // per line in flight: how many members have it
    std::uint64_t received_by_all_ = 0;    // lines; the first of received_by_ is the next
};

class FanOut::Speaker final : public Conversation {
public:
    Speaker(FanOut& workload, Load& load, std::size_t number)
        : Conversation(load, number), workload_(workload) {}
    ~Speaker() override { workload_.speaking_ = nullptr; }
    void received_by_all() { complete(1, load().now()); }

private:
    void opened() override {
        workload_.speaking_ = this;
        Conversation::opened();
    }
    std::size_t send_request() override {
        workload_.received_by_.push_back(0);
        return workload_.line(sent() - 1).write(connection(), workload_.pattern_);
    }
    Match match(std::uint64_t, Bytes) override { return {}; }  // the speaker receives nothing

    FanOut& workload_;
};

class FanOut::Member final : public LoadClient {
public:
    Member(FanOut& workload, Load& load, std::size_t number)
        : LoadClient(load, number), workload_(workload) {}

private:
    std::size_t on_bytes(MutableBytes in) override {
        for (std::size_t used = 0; used < in.size();) {
            if (lines_ == workload_.said()) return wrong_bytes(in);
            const Message line = workload_.line(lines_);
            const std::size_t right =
                line.matching(workload_.pattern_, matched_, Bytes(in).subspan(used));
            used += right;
            matched_ += right;
            if (matched_ == line.size()) {
                end_line();
            } else if (used < in.size()) {
                return wrong_bytes(in);
            }
        }
        return in.size();
    }
    void end_line() {
        matched_ = 0;
        if (load().count_passed(number(), 0, load().now())) answered();
        workload_.received_by_one(lines_++);
    }

    FanOut& workload_;
    std::uint64_t lines_ = 0;
    std::size_t matched_ = 0;  // bytes
};

std::unique_ptr<LoadClient> FanOut::client(Load& load, std::size_t number) {
    if (number == speaker_) return std::make_unique<Speaker>(*this, load, number);
    return std::make_unique<Member>(*this, load, number);
}

// A member receives the lines in order, so the first line in the queue is the first that all have.
void FanOut::received_by_one(std::uint64_t n) {
    if (++received_by_[n - received_by_all_] < speaker_) return;
    received_by_.pop_front();
    ++received_by_all_;
    if (speaking_ != nullptr) speaking_->received_by_all();
}

}  // namespace

MadeWorkload make_fan_out(const WorkloadOptions& options) {
    if (options.connections < 2)
        return bad_option("workload fan-out requires at least two connections");
    return std::make_unique<FanOut>(options.size, options.connections);
}

}  // namespace switchboard::bench
