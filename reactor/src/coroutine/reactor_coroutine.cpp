#include <switchboard/reactor_coroutine.hpp>

#include "reactor_impl.hpp"

namespace switchboard {

struct Tasks::Root : detail::Pump {
    explicit Root(Tasks& tasks) : Pump(finished), owner(tasks) {}
    static void finished(Pump& pump);

    Tasks& owner;
    Failed failed;
    std::shared_ptr<void> kept;  // the function; its task uses it
    Task<> task;
    std::list<std::unique_ptr<Root>>::iterator self;
};

Tasks::Tasks(Reactor& reactor) noexcept : reactor_(reactor) {}

Tasks::~Tasks() {
    cancel();
}

// A destructor in a task may start another.
void Tasks::cancel() noexcept {
    while (!roots_.empty()) {
        const auto first = std::move(roots_.front());
        roots_.pop_front();
    }
}

void Tasks::start(Task<> task, Failed failed) {
    start_kept(std::move(task), std::move(failed), nullptr);
}

void Tasks::start_kept(Task<> task, Failed failed, std::shared_ptr<void> kept) {
    if (!task) return;
    auto made = std::make_unique<Root>(*this);
    Root& root = *made;
    root.failed = std::move(failed);
    root.kept = std::move(kept);
    root.task = std::move(task);
    root.self = roots_.insert(roots_.end(), std::move(made));
    root.Pump::start(root.task.handle(), root.task.handle().promise());
}

void Tasks::Root::finished(Pump& pump) {
    auto& root = static_cast<Root&>(pump);
    const auto failure = std::exchange(root.task.handle().promise().failure, nullptr);
    const Failed failed = std::move(root.failed);
    detail::Loop& loop = detail::access(root.owner.reactor_).loop;
    const auto gone = std::move(*root.self);
    root.owner.roots_.erase(root.self);
    if (!failure) return;
    loop.guarded("a task", [&] {
        if (!failed) std::rethrow_exception(failure);
        failed(failure);
    });
}

namespace detail {

void SleepFor::begin(Pump& pump) {
    pump_ = &pump;
    timer_ = reactor_.after(time_, [this] { std::exchange(pump_, nullptr)->run(); });
}

void Lookup::begin(Pump& pump) {
    pump_ = &pump;
    const auto done = [this](Found found) {
        found_ = std::move(found);
        std::exchange(pump_, nullptr)->run();
    };
    id_ = resolve(reactor_, name_, service_, done, options_);
}

void ClientSession::over(std::exception_ptr failure) noexcept {
    if (failure)
        stream().abort(errc::handler_failed);
    else if (!has_switched())
        stream().close();
    talk_->failure = std::move(failure);
    if (auto* const waiter = std::exchange(talk_->waiter, nullptr)) waiter->run();
}

bool begin_talk(Reactor& reactor, const Endpoint& endpoint, std::unique_ptr<Protocol> session,
                ConnectOptions& options, const std::shared_ptr<Talk>& talk, ConnectionId& id) {
    options.on_ended = [talk, then = std::move(options.on_ended)](const Error& why) {
        if (Pump* const waiter = std::exchange(talk->waiter, nullptr)) {
            talk->error = why.code() ? why : Error(errc::incomplete_message);
            waiter->run();
        }
        if (then) then(why);
    };
    const auto started = reactor.connect(endpoint, std::move(session), std::move(options));
    if (started) {
        id = *started;
        return true;
    }
    talk->waiter = nullptr;
    talk->error = started.error();
    return false;
}

// Not Reactor::find(), which finds nothing before the connection is open.
void abandon_talk(Reactor& reactor, Talk& talk, ConnectionId id) noexcept {
    talk.waiter = nullptr;
    if (talk.session != nullptr) talk.session->cancel();
    auto* const connection = access(reactor).loop.connections.find(id);
    if (connection) connection->abort(std::make_error_code(std::errc::operation_canceled));
}

}  // namespace detail
}  // namespace switchboard
