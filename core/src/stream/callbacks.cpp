#include <switchboard/callbacks.hpp>

namespace switchboard {
namespace {

class CallbacksProtocol final : public Protocol {
public:
    explicit CallbacksProtocol(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

    void on_open(Connection& c) override {
        if (callbacks_.on_open) callbacks_.on_open(c);
    }
    std::size_t on_data(Connection& c, MutableBytes in) override {
        return callbacks_.on_data ? callbacks_.on_data(c, in) : in.size();
    }
    void on_writable(Connection& c) override {
        if (callbacks_.on_writable) callbacks_.on_writable(c);
    }
    void on_resume(Connection& c) override {
        if (callbacks_.on_resume) callbacks_.on_resume(c);
    }
    void on_eof(Connection& c) override {
        callbacks_.on_eof ? callbacks_.on_eof(c) : Protocol::on_eof(c);
    }
    void on_deadline(Connection& c) override {
        callbacks_.on_deadline ? callbacks_.on_deadline(c) : Protocol::on_deadline(c);
    }
    void on_shutdown(Connection& c) override {
        if (callbacks_.on_shutdown) callbacks_.on_shutdown(c);
    }
    bool is_busy() const noexcept override { return callbacks_.is_busy && callbacks_.is_busy(); }
    bool reads_under_backpressure() const noexcept override {
        return callbacks_.reads_under_backpressure && callbacks_.reads_under_backpressure();
    }
    void on_close(std::error_code reason) noexcept override {
        if (callbacks_.on_close) callbacks_.on_close(reason);
    }

private:
    Callbacks callbacks_;
};

}  // namespace

std::unique_ptr<Protocol> make_protocol(Callbacks callbacks) {
    return std::make_unique<CallbacksProtocol>(std::move(callbacks));
}

}  // namespace switchboard
