// Task: what a coroutine returns, and how tasks are run.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace switchboard {

class Stream;
template <class T>
class Task;

namespace detail {

class Read;
class ReadInto;
class ReadSome;
class Session;
class Wait;
template <class Function>
class SessionOf;
template <std::size_t N>
class FirstOf;
template <std::size_t N>
class WhenAll;

struct Promise;

// Runs one chain of coroutines, each of which awaits the next. Only the innermost is ever resumed, and always
// from here, never from another coroutine. So the stack does not grow with the number of awaits, also where
// the compiler makes no tail call of a symmetric transfer (gcc without optimization).
class Pump {
public:
    // Called when the outermost coroutine has returned or thrown. May destroy the pump. Must not throw.
    using Finished = void (*)(Pump&);

    explicit Pump(Finished finished) noexcept : finished_(finished) {}
    Pump(const Pump&) = delete;
    Pump& operator=(const Pump&) = delete;

    void start(std::coroutine_handle<> outermost, Promise& promise);
    // What the innermost coroutine waited for has come. Returns when the chain waits again, or is finished.
    // False: only the innermost coroutine has run, and it waits again.
    bool run() {
        innermost_.resume();
        if (next_ == Next::wait) [[likely]]
            return false;
        go_on();
        return true;
    }

    // Called by a coroutine that suspends: `child` runs next, or its parent does (null: it has none).
    void call(std::coroutine_handle<> child) noexcept {
        innermost_ = child;
        next_ = Next::resume;
    }
    void leave_for(std::coroutine_handle<> parent) noexcept {
        innermost_ = parent;
        next_ = parent ? Next::resume : Next::finish;
    }

protected:
    ~Pump() = default;

private:
    enum class Next : unsigned char { wait, resume, finish };
    void go_on() {
        while (next_ == Next::resume) {
            next_ = Next::wait;
            innermost_.resume();
        }
        if (next_ == Next::finish) {
            next_ = Next::wait;
            finished_(*this);  // the pump may be gone
        }
    }

    std::coroutine_handle<> innermost_;
    Finished finished_;
    Next next_ = Next::wait;  // what to do once the running coroutine has suspended
};

// The memory of coroutine frames: that of the connection whose Stream is an argument of the coroutine, or
// else that of the global operator new. The last frame that was freed is kept for the next one of its size.
// So a session that calls another coroutine for each message allocates no memory for it.
class FrameMemory {
public:
    static void* allocate(std::size_t size, Stream* stream);
    static void release(void* frame, std::size_t size) noexcept;
    static void drop_spare(Stream& stream) noexcept;

    // gcc 12 lays the frame of some coroutines out wrongly: those whose body has no local variable, and an
    // await in a condition. Such a coroutine would never run. So the program ends when it is first called,
    // with a message. See examples/guide/coroutines.md.
    static void check(const void* frame) noexcept {
        if (reinterpret_cast<std::uintptr_t>(frame) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ != 0)
            [[unlikely]]
            refuse();
    }

    static Stream* find() noexcept { return nullptr; }
    template <class First, class... Rest>
    static Stream* find(const First& first, const Rest&... rest) noexcept {
        if constexpr (std::is_same_v<First, Stream>)
            return const_cast<Stream*>(&first);
        else
            return find(rest...);
    }

private:
    [[noreturn]] static void refuse() noexcept;
};

struct Promise {
    template <class... Arguments>
    static void* operator new(std::size_t size, const Arguments&... arguments) {
        return FrameMemory::allocate(size, FrameMemory::find(arguments...));
    }
    // Inline also without optimization, because gcc would otherwise warn that a template operator new does
    // not match it.
    [[gnu::always_inline]] static void operator delete(void* frame, std::size_t size) noexcept {
        FrameMemory::release(frame, size);
    }

    struct Final {
        bool await_ready() const noexcept { return false; }
        template <class P>
        void await_suspend(std::coroutine_handle<P> self) const noexcept {
            const Promise& promise = self.promise();
            promise.pump->leave_for(promise.parent);
        }
        void await_resume() const noexcept {}
    };
    std::suspend_always initial_suspend() noexcept { return {}; }
    Final final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { failure = std::current_exception(); }
    void rethrow() const {
        if (failure) [[unlikely]]
            std::rethrow_exception(failure);
    }

    Pump* pump = nullptr;
    std::coroutine_handle<> parent;
    std::exception_ptr failure;
};

inline void Pump::start(std::coroutine_handle<> outermost, Promise& promise) {
    promise.pump = this;
    innermost_ = outermost;
    run();
}

template <class T>
struct PromiseOf : Promise {
    Task<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& value) {
        result.emplace(std::forward<U>(value));
    }
    T take() {
        rethrow();
        return std::move(*result);
    }
    std::optional<T> result;
};

template <>
struct PromiseOf<void> : Promise {
    Task<void> get_return_object() noexcept;
    void return_void() noexcept {}
    void take() const { rethrow(); }
};

}  // namespace detail

// The return type of a coroutine: `Task<> session(Stream& peer)`, `Task<std::string> name_of(Stream& peer)`.
// A Task starts when it is awaited, and runs on the same thread. `co_await std::move(task)` gives what it
// returns, and throws what it throws. A Task is awaited once. Its destructor destroys the coroutine in
// whatever state it is, with its locals. Movable, not copyable. T is movable, and no reference.
//
// If a Stream is among the coroutine's arguments, its frame lies in the memory() of that connection, and the
// Task must not outlive the session. Arguments are copied into the frame; references are not extended. So a
// lambda with captures must live as long as its Task: coroutine() sees to that for a session.
template <class T = void>
class [[nodiscard]] Task {
public:
    using promise_type = detail::PromiseOf<T>;
    using Handle = std::coroutine_handle<promise_type>;

    Task() noexcept = default;  // no coroutine; must not be awaited
    explicit Task(Handle handle) noexcept : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&& other) noexcept {
        Task(std::move(other)).swap(*this);
        return *this;
    }
    ~Task() {
        if (handle_) handle_.destroy();
    }
    void swap(Task& other) noexcept { std::swap(handle_, other.handle_); }
    explicit operator bool() const noexcept { return static_cast<bool>(handle_); }
    Handle handle() const noexcept { return handle_; }  // for code that runs tasks

    struct Awaiter {
        Handle child;
        bool await_ready() const noexcept { return false; }
        template <class P>
        void await_suspend(std::coroutine_handle<P> parent) const noexcept {
            detail::Promise& promise = child.promise();
            promise.pump = parent.promise().pump;
            promise.parent = parent;
            promise.pump->call(child);
        }
        T await_resume() const { return child.promise().take(); }
    };
    Awaiter operator co_await() && noexcept {
        assert(handle_ && "a Task is awaited once");
        return Awaiter{handle_};
    }

private:
    Handle handle_;
};

namespace detail {

template <class P>
std::coroutine_handle<P> handle_of(P& promise) noexcept {
    const auto handle = std::coroutine_handle<P>::from_promise(promise);
    FrameMemory::check(handle.address());
    return handle;
}

template <class T>
Task<T> PromiseOf<T>::get_return_object() noexcept {
    return Task<T>(handle_of(*this));
}
inline Task<void> PromiseOf<void>::get_return_object() noexcept {
    return Task<void>(handle_of(*this));
}

}  // namespace detail

}  // namespace switchboard
