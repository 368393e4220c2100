// when_all() and first_of(). Private to coroutine.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <span>
#include <switchboard/coroutine/task.hpp>

namespace switchboard::detail {

class Branches;

// One of several tasks that run side by side: a chain of its own.
class Branch : public Pump {
public:
    Branch() noexcept : Pump(finished) {}

private:
    friend Branches;
    static void finished(Pump& pump);

    Branches* all_ = nullptr;
    Task<> task_;
};

class Branches {
protected:
    // Runs each task until it waits. Returns whether the coroutine that `waiter` runs must wait, because
    // fewer than `count` tasks have returned.
    bool begin(std::span<Branch> branches, std::size_t count, Pump& waiter);
    // Destroys all tasks, and throws what one of them has thrown.
    void end(std::span<Branch> branches);
    static void set_task(Branch& branch, Task<>&& task) noexcept { branch.task_ = std::move(task); }

    const Branch* first_ = nullptr;  // that returned

private:
    friend Branch;
    void returned(Branch& branch);

    Pump* waiter_ = nullptr;
    std::size_t left_ = 0;  // tasks that must return before the waiter goes on
    std::exception_ptr failure_;
    bool waits_ = false;  // the waiter is suspended
};

template <std::size_t N>
class WhenAll : protected Branches {
public:
    template <class... Rest>
    explicit WhenAll(Task<>&& first, Rest&&... rest) noexcept {
        std::size_t i = 0;
        set_task(branches_[i++], std::move(first));
        (set_task(branches_[i++], std::move(rest)), ...);
    }
    WhenAll(const WhenAll&) = delete;
    WhenAll& operator=(const WhenAll&) = delete;

    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> self) {
        return begin(branches_, N, *self.promise().pump);
    }
    void await_resume() { end(branches_); }

protected:
    std::array<Branch, N> branches_;
};

template <std::size_t N>
class FirstOf : public WhenAll<N> {
public:
    using WhenAll<N>::WhenAll;
    template <class P>
    bool await_suspend(std::coroutine_handle<P> self) {
        return this->begin(this->branches_, 1, *self.promise().pump);
    }
    std::size_t await_resume() {
        this->end(this->branches_);
        return static_cast<std::size_t>(this->first_ - this->branches_.data());
    }
};

}  // namespace switchboard::detail
