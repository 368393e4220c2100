// One speaks, all others hear it: through the hub.
#include <algorithm>

#include "lists.hpp"
#include "message_workload.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kMostLine = 8 * 1024;  // what the hub takes

// The last connection speaks: when it is connected, all others are members already. A line is an
// exchange, which ends when the last member has it.
class FanOut final : public Workload {
public:
    FanOut(std::size_t size, std::size_t connections)
        : body_(size - 1), speaker_(connections - 1), pattern_(Pattern::text(size)) {}

    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override;
    std::size_t request_size() const override { return body_ + 1; }
    std::uint64_t exchange_size() const override { return (body_ + 1) * (speaker_ + 1); }

private:
    class Speaker;
    class Member;

    Message line(std::uint64_t n) const {
        return {.position = n * body_, .body = body_, .ends_line = true};
    }
    std::uint64_t said() const { return heard_by_all_ + heard_by_.size(); }
    void heard_by_one(std::uint64_t n);

    std::size_t body_, speaker_;
    Pattern pattern_;
    Speaker* speaking_ = nullptr;       // while it is open
    std::deque<std::size_t> heard_by_;  // members, of each line that not all have
    std::uint64_t heard_by_all_ = 0;    // lines; the first of heard_by_ is the next
};

class FanOut::Speaker final : public Conversation {
public:
    Speaker(FanOut& workload, Load& load, std::size_t number)
        : Conversation(load, number), workload_(workload) {}
    ~Speaker() override { workload_.speaking_ = nullptr; }
    void heard_by_all() { complete(1, load().now()); }

private:
    void opened() override {
        workload_.speaking_ = this;
        Conversation::opened();
    }
    void ask() override {
        workload_.heard_by_.push_back(0);
        workload_.line(asked() - 1).write(connection(), workload_.pattern_);
    }
    Heard hear(Bytes) override { return {}; }  // it alone does not hear what it says

    FanOut& workload_;
};

class FanOut::Member final : public LoadClient {
public:
    Member(FanOut& workload, Load& load, std::size_t number)
        : LoadClient(load, number), workload_(workload) {}
    void give(Clock::time_point) override {}

private:
    void opened() override {}
    std::size_t heard(MutableBytes in) override {
        for (std::size_t used = 0; used < in.size();) {
            if (lines_ == workload_.said()) return wrong_bytes(in);
            const Message line = workload_.line(lines_);
            const std::size_t right =
                line.matching(workload_.pattern_, heard_of_line_, Bytes(in).subspan(used));
            used += right;
            heard_of_line_ += right;
            if (heard_of_line_ == line.size()) {
                end_line();
            } else if (used < in.size()) {
                return wrong_bytes(in);
            }
        }
        return in.size();
    }
    void end_line() {
        heard_of_line_ = 0;
        if (load().count_passed(number(), 0, load().now())) answered();
        workload_.heard_by_one(lines_++);
    }

    FanOut& workload_;
    std::uint64_t lines_ = 0;
    std::size_t heard_of_line_ = 0;  // bytes
};

std::unique_ptr<LoadClient> FanOut::client(Load& load, std::size_t number) {
    if (number == speaker_) return std::make_unique<Speaker>(*this, load, number);
    return std::make_unique<Member>(*this, load, number);
}

// Lines come to a member in their order, so the first of all is the first that all have.
void FanOut::heard_by_one(std::uint64_t n) {
    if (++heard_by_[n - heard_by_all_] < speaker_) return;
    heard_by_.pop_front();
    ++heard_by_all_;
    if (speaking_ != nullptr) speaking_->heard_by_all();
}

}  // namespace

MadeWorkload make_fan_out(const WorkloadOptions& options) {
    auto fits = check_range("--size", options.size, 1, kMostLine);
    if (fits && options.connections < 2)
        fits = fail(errc::bad_option, "fan-out: two connections at least");
    if (!fits) return tl::unexpected(fits.error());
    return std::make_unique<FanOut>(options.size, options.connections);
}

}  // namespace switchboard::bench
