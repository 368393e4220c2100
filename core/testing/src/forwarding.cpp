#include "forwarding.hpp"

#include <switchboard/testing/detail/allocations.hpp>

namespace switchboard::testing {
namespace {

using detail::AllocationsMayFail;

class FailingAllocations final : public Forwarding {
public:
    using Forwarding::Forwarding;
    ~FailingAllocations() override {
        const AllocationsMayFail now;
        destroy_inner();
    }

    void on_open(Connection& c) override {
        const AllocationsMayFail now;
        Forwarding::on_open(c);
    }
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const AllocationsMayFail now;
        return Forwarding::on_data(c, in);
    }
    void on_writable(Connection& c) override {
        const AllocationsMayFail now;
        Forwarding::on_writable(c);
    }
    void on_resume(Connection& c) override {
        const AllocationsMayFail now;
        Forwarding::on_resume(c);
    }
    void on_eof(Connection& c) override {
        const AllocationsMayFail now;
        Forwarding::on_eof(c);
    }
    void on_deadline(Connection& c) override {
        const AllocationsMayFail now;
        Forwarding::on_deadline(c);
    }
    void on_close(std::error_code why) noexcept override {
        const AllocationsMayFail now;
        Forwarding::on_close(why);
    }
    void on_shutdown(Connection& c) override {
        const AllocationsMayFail now;
        Forwarding::on_shutdown(c);
    }
};

class Timed final : public Forwarding {
public:
    Timed(std::unique_ptr<Protocol> inner, std::vector<std::chrono::nanoseconds>* times)
        : Forwarding(std::move(inner)), times_(times) {}

    std::size_t on_data(Connection& c, MutableBytes in) override {
        const auto begin = std::chrono::steady_clock::now();
        const std::size_t used = Forwarding::on_data(c, in);
        times_->push_back(std::chrono::steady_clock::now() - begin);
        return used;
    }

private:
    std::vector<std::chrono::nanoseconds>* times_;
};

class InOrder final : public Forwarding {
public:
    InOrder(std::unique_ptr<Protocol> inner, std::shared_ptr<std::string> problem)
        : Forwarding(std::move(inner)), problem_(std::move(problem)) {}
    ~InOrder() override {
        if (opened_ && !closed_) note("destroyed without on_close");
    }

    void on_open(Connection& c) override {
        if (opened_) note("a second on_open");
        if (closed_) note("on_open after on_close");
        opened_ = true;
        const Call call(*this, "on_open");
        Forwarding::on_open(c);
    }
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const Call call(*this, c, "on_data");
        if (in.empty()) note("on_data without a byte");
        if (in.size() < unused_) note("on_data without the bytes that were not used");
        if (eof_) note("on_data after on_eof");
        const std::size_t used = Forwarding::on_data(c, in);
        unused_ = used <= in.size() ? in.size() - used : 0;
        return used;
    }
    void on_writable(Connection& c) override {
        const Call call(*this, c, "on_writable");
        Forwarding::on_writable(c);
    }
    void on_resume(Connection& c) override {
        const Call call(*this, c, "on_resume");
        Forwarding::on_resume(c);
    }
    void on_eof(Connection& c) override {
        const Call call(*this, c, "on_eof");
        if (std::exchange(eof_, true)) note("a second on_eof");
        Forwarding::on_eof(c);
    }
    void on_deadline(Connection& c) override {
        const Call call(*this, c, "on_deadline");
        Forwarding::on_deadline(c);
    }
    void on_shutdown(Connection& c) override {
        const Call call(*this, c, "on_shutdown");
        if (std::exchange(shutdown_, true)) note("a second on_shutdown");
        Forwarding::on_shutdown(c);
    }
    void on_close(std::error_code why) noexcept override {
        const Call call(*this, "on_close");
        if (std::exchange(closed_, true)) note("a second on_close");
        Forwarding::on_close(why);
    }

private:
    class Call {
    public:
        Call(InOrder& owner, const std::string& name) : owner_(owner) {
            if (std::exchange(owner_.inside_, true)) owner_.note(name + " within another callback");
        }
        Call(InOrder& owner, const Connection& c, const std::string& name) : Call(owner, name) {
            if (!owner_.opened_) owner_.note(name + " before on_open");
            if (owner_.closed_) {
                owner_.note(name + " after on_close");
            } else if (c.closing()) {
                owner_.note(name + " after the end of the connection");
            }
        }
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;
        ~Call() { owner_.inside_ = false; }

    private:
        InOrder& owner_;
    };

    void note(const std::string& what) {
        if (problem_->empty()) *problem_ = "order of callbacks: " + what;
    }

    std::shared_ptr<std::string> problem_;
    std::size_t unused_ = 0;
    bool opened_ = false, closed_ = false, eof_ = false, shutdown_ = false, inside_ = false;
};

}  // namespace

ProtocolFactory with_failing_allocations(ProtocolFactory factory) {
    return [factory = std::move(factory)]() -> std::unique_ptr<Protocol> {
        std::unique_ptr<Protocol> made;
        {
            const AllocationsMayFail now;
            made = factory();
        }
        if (!made) return nullptr;
        return std::make_unique<FailingAllocations>(std::move(made));
    };
}

ProtocolFactory timed(ProtocolFactory factory, std::vector<std::chrono::nanoseconds>* times) {
    return [factory = std::move(factory), times]() -> std::unique_ptr<Protocol> {
        auto made = factory();
        return made ? std::make_unique<Timed>(std::move(made), times) : nullptr;
    };
}

ProtocolFactory in_order(ProtocolFactory factory, std::shared_ptr<std::string> problem) {
    return [factory = std::move(factory), problem = std::move(problem)] {
        auto made = factory();
        return made ? std::make_unique<InOrder>(std::move(made), problem) : nullptr;
    };
}

}  // namespace switchboard::testing
