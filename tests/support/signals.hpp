// Temporary signal handlers: one that counts, and a storm of signals for one thread.
#pragma once

#include <doctest/doctest.h>
#include <pthread.h>
#include <atomic>
#include <csignal>
#include <thread>

namespace switchboard::test {

inline std::atomic<int> signals_counted{0};
extern "C" inline void count_signal(int) {
    ++signals_counted;
}

// Sets the disposition of a signal, without SA_RESTART, and restores it at the end.
class Disposition {
public:
    Disposition(int signal, void (*handler)(int)) : signal_(signal) {
        struct sigaction action {};
        action.sa_handler = handler;
        REQUIRE(::sigaction(signal, &action, &before_) == 0);
    }
    Disposition(const Disposition&) = delete;
    Disposition& operator=(const Disposition&) = delete;
    ~Disposition() { ::sigaction(signal_, &before_, nullptr); }

private:
    int signal_;
    struct sigaction before_ {};
};

// Interrupts the thread that created it, again and again, until it is destroyed.
class SignalStorm {
public:
    SignalStorm() : counting_(SIGUSR2, count_signal) {
        signals_counted = 0;
        storm_ = std::thread([this, target = ::pthread_self()] {
            while (!over_) {
                ::pthread_kill(target, SIGUSR2);
                std::this_thread::yield();
            }
        });
    }
    SignalStorm(const SignalStorm&) = delete;
    SignalStorm& operator=(const SignalStorm&) = delete;
    ~SignalStorm() {
        over_ = true;
        storm_.join();
    }
    static void wait_for(int count) {
        while (signals_counted < count) std::this_thread::yield();
    }

private:
    Disposition counting_;
    std::atomic<bool> over_{false};
    std::thread storm_;
};

}  // namespace switchboard::test
