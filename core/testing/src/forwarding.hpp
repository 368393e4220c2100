// Protocols that pass everything on to the protocol under test, and watch it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard::testing {

// Passes each callback on.
class Forwarding : public Protocol {
public:
    explicit Forwarding(std::unique_ptr<Protocol> inner) : inner_(std::move(inner)) {}

    void on_open(Connection& c) override { inner_->on_open(c); }
    std::size_t on_data(Connection& c, MutableBytes in) override { return inner_->on_data(c, in); }
    void on_writable(Connection& c) override { inner_->on_writable(c); }
    void on_resume(Connection& c) override { inner_->on_resume(c); }
    void on_eof(Connection& c) override { inner_->on_eof(c); }
    void on_deadline(Connection& c) override { inner_->on_deadline(c); }
    void on_close(std::error_code why) noexcept override { inner_->on_close(why); }
    void on_shutdown(Connection& c) override { inner_->on_shutdown(c); }
    bool is_busy() const noexcept override { return inner_->is_busy(); }
    bool reads_under_backpressure() const noexcept override {
        return inner_->reads_under_backpressure();
    }
    Transport* above() noexcept override { return inner_->above(); }

protected:
    Protocol& inner() noexcept { return *inner_; }
    void destroy_inner() noexcept { inner_.reset(); }

private:
    std::unique_ptr<Protocol> inner_;
};

// Each returns a factory whose protocols do something besides, for protocols made by `factory`.
//
// Lets allocations fail within callbacks and the factory, as fail_allocation() says.
ProtocolFactory with_failing_allocations(ProtocolFactory factory);
// Adds the time that each call of on_data takes to `*times`.
ProtocolFactory timed(ProtocolFactory factory, std::vector<std::chrono::nanoseconds>* times);
// Notes in `*problem` the first callback that comes out of the order of protocol.hpp.
ProtocolFactory in_order(ProtocolFactory factory, std::shared_ptr<std::string> problem);

}  // namespace switchboard::testing
