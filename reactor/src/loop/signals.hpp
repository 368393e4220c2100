// Signals: the signals of on_signal().
#pragma once

#include <functional>
#include <list>
#include <switchboard/error.hpp>

#include "loop.hpp"

namespace switchboard::detail {

// Each signal has a libuv handle that does not keep the loop running.
class Signals {
public:
    explicit Signals(Loop& loop) noexcept : loop_(loop) {}

    Result<void> add(int signal, std::function<void()> fn);
    void forget_users();  // destroys the callbacks
    void close();         // closes the handles; Loop counts them until they are closed

private:
    struct Signal {
        uv_signal_t handle;
        std::function<void()> fn;
        Loop* loop;
    };
    static void on_signal(uv_signal_t* handle, int signal);

    Loop& loop_;
    std::list<Signal> signals_;
};

}  // namespace switchboard::detail
