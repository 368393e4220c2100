// What the awaits of reactor_coroutine.hpp are made of.
#pragma once

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <switchboard/coroutine.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/resolver.hpp>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace switchboard::detail {

class SleepFor {
public:
    SleepFor(Reactor& reactor, std::chrono::milliseconds time) noexcept
        : reactor_(reactor), time_(time) {}
    SleepFor(const SleepFor&) = delete;
    SleepFor& operator=(const SleepFor&) = delete;
    ~SleepFor() {
        if (pump_ != nullptr) reactor_.cancel(timer_);
    }
    bool await_ready() const noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P> self) {
        begin(*self.promise().pump);
    }
    void await_resume() const noexcept {}

private:
    void begin(Pump& pump);

    Reactor& reactor_;
    const std::chrono::milliseconds time_;
    TimerId timer_;
    Pump* pump_ = nullptr;  // while it waits
};

class Lookup {
public:
    using Found = Result<std::vector<SocketAddress>>;

    Lookup(Reactor& reactor, std::string_view name, std::string_view service,
           ResolveOptions options) noexcept
        : reactor_(reactor), name_(name), service_(service), options_(options) {}
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;
    ~Lookup() {
        if (pump_ != nullptr) cancel(reactor_, id_);
    }
    bool await_ready() const noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P> self) {
        begin(*self.promise().pump);
    }
    Found await_resume() noexcept { return std::move(*found_); }

private:
    void begin(Pump& pump);

    Reactor& reactor_;
    const std::string_view name_, service_;
    const ResolveOptions options_;
    LookupId id_;
    std::optional<Found> found_;
    Pump* pump_ = nullptr;  // while it waits
};

// What a task has returned; of Task<void>, that it has.
template <class T>
using Kept = std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>>;

template <class T>
struct AsResultOf {
    using type = Result<T>;
};
template <class T>
struct AsResultOf<Result<T>> {
    using type = Result<T>;
};
template <class T>
using AsResult = typename AsResultOf<T>::type;

template <class T>
AsResult<T> result_of(Kept<T>& kept) {
    if constexpr (std::is_void_v<T>)
        return {};
    else
        return std::move(*kept);
}

// A Stream among `memory` gives the memory for the frame.
template <class T, class... Memory>
Task<> keep(Task<T> task, Kept<T>& kept, Memory&... /*memory*/) {
    if constexpr (std::is_void_v<T>) {
        co_await std::move(task);
        kept.emplace();
    } else {
        kept.emplace(co_await std::move(task));
    }
}

inline Task<> pause(Reactor& reactor, std::chrono::milliseconds time) {
    SleepFor sleep(reactor, time);
    co_await sleep;
}

class ClientSession;

// Shared by an await of converse(), which may be destroyed first, and the connection.
struct Talk {
    Pump* waiter = nullptr;            // until there is an answer, or nobody waits for it
    ClientSession* session = nullptr;  // while it lives
    std::exception_ptr failure;
    std::optional<Error> error;
};

// A session whose end somebody waits for.
class ClientSession : public Session {
protected:
    explicit ClientSession(std::shared_ptr<Talk> talk) noexcept : talk_(std::move(talk)) {
        talk_->session = this;
    }
    ~ClientSession() override { talk_->session = nullptr; }
    void over(std::exception_ptr failure) noexcept final;

private:
    friend void abandon_talk(Reactor& reactor, Talk& talk, ConnectionId id) noexcept;

    const std::shared_ptr<Talk> talk_;
};

template <class T>
struct TaskValue;
template <class T>
struct TaskValue<Task<T>> {
    using type = T;
};

template <class Function, class T>
class ClientOf final : public ClientSession {
public:
    struct State : Talk {
        Kept<T> value;
    };
    ClientOf(Function session, std::shared_ptr<State> state)
        : ClientSession(state), session_(std::move(session)), state_(std::move(state)) {}
    ~ClientOf() override { cancel(); }  // its frames use session_

private:
    Task<> begin(Stream& stream) override {
        return keep<T>(session_(stream), state_->value, stream);
    }

    Function session_;
    const std::shared_ptr<State> state_;
};

using AddLayer = std::function<std::unique_ptr<Protocol>(std::unique_ptr<Protocol>)>;

// Connects for `talk`. Returns false, with the error in `talk`, if that fails at once.
bool begin_talk(Reactor& reactor, const Endpoint& endpoint, std::unique_ptr<Protocol> session,
                ConnectOptions& options, const std::shared_ptr<Talk>& talk, ConnectionId& id);
// Nobody waits any more: destroys the session, which may use what the one who waited has, and aborts the
// connection.
void abandon_talk(Reactor& reactor, Talk& talk, ConnectionId id) noexcept;

template <class Function>
class Conversation {
public:
    using T = typename TaskValue<std::invoke_result_t<Function&, Stream&>>::type;

    Conversation(Reactor& reactor, Endpoint endpoint, Function session, ConnectOptions options,
                 AddLayer layer)
        : reactor_(reactor),
          endpoint_(std::move(endpoint)),
          session_(std::move(session)),
          options_(std::move(options)),
          layer_(std::move(layer)) {}
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;
    ~Conversation() {
        if (state_ && state_->waiter != nullptr) abandon_talk(reactor_, *state_, id_);
    }

    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> self) {
        state_ = std::make_shared<typename Client::State>();
        state_->waiter = self.promise().pump;
        std::unique_ptr<Protocol> protocol = std::make_unique<Client>(std::move(session_), state_);
        if (layer_) protocol = layer_(std::move(protocol));
        return begin_talk(reactor_, endpoint_, std::move(protocol), options_, state_, id_);
    }
    Result<T> await_resume() {
        if (state_->failure) std::rethrow_exception(state_->failure);
        if (!state_->value) return tl::unexpected(std::move(*state_->error));
        if constexpr (std::is_void_v<T>)
            return {};
        else
            return std::move(*state_->value);
    }

private:
    using Client = ClientOf<Function, T>;

    Reactor& reactor_;
    const Endpoint endpoint_;
    Function session_;
    ConnectOptions options_;
    const AddLayer layer_;
    std::shared_ptr<typename Client::State> state_;
    ConnectionId id_;
};

}  // namespace switchboard::detail
