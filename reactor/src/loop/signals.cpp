#include "signals.hpp"

#include <utility>

namespace switchboard::detail {

Result<void> Signals::add(int signal, std::function<void()> fn) {
    const std::string tried = "catch signal " + std::to_string(signal);
    Signal& added = signals_.emplace_back();
    if (const int error = uv_signal_init(loop_.uv(), &added.handle)) {
        signals_.pop_back();
        return fail(std::error_code(-error, std::system_category()), tried);
    }
    added.fn = std::move(fn);
    added.loop = &loop_;
    added.handle.data = &added;
    loop_.handle_opened();
    uv_unref(reinterpret_cast<uv_handle_t*>(&added.handle));
    const int error = uv_signal_start(&added.handle, on_signal, signal);
    if (error == 0) return {};
    return fail(std::error_code(-error, std::system_category()), tried);
}

void Signals::on_signal(uv_signal_t* handle, int) {
    Signal& self = *static_cast<Signal*>(handle->data);
    if (!self.loop->clock_is_fresh()) self.loop->run_due_timers();
    self.loop->guarded("signal", self.fn);
}

void Signals::forget_users() {
    for (Signal& signal : signals_) signal.fn = nullptr;
}

void Signals::close() {
    for (Signal& signal : signals_) {
        uv_close(reinterpret_cast<uv_handle_t*>(&signal.handle), [](uv_handle_t* handle) {
            static_cast<Signal*>(handle->data)->loop->handle_closed();
        });
    }
}

}  // namespace switchboard::detail
