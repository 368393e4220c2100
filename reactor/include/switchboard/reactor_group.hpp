// Several reactors, a thread each, that serve as one: for machines with more than one core.
#pragma once

#include <functional>
#include <memory>
#include <switchboard/reactor.hpp>
#include <thread>
#include <vector>

namespace switchboard {

namespace detail {
class AcceptControl;
class Listener;
}  // namespace detail

struct GroupOptions {
    // Of each reactor. The sink is called on the threads of all, and so must be thread-safe; so must the
    // memory resource, as the default one is.
    ReactorOptions reactor = {};
    // Reactor i stays on the i-th of the processors that the process may use (man 2 sched_setaffinity),
    // modulo their number. Where a system cannot, this has no effect.
    bool pin = false;
};

// Reactor 0 runs on the thread that calls run(), the others on threads of their own. A connection is
// served by one reactor from its first byte to its last, and its handler knows one thread; but the
// factory is called by all of them, and what its protocols share must be thread-safe.
//
// Who serves a connection is for the kernel to say where it spreads connects over several sockets
// (Linux: TCP, SO_REUSEPORT, man 7 socket). Elsewhere, and for unix sockets and "fd:N", reactor 0 accepts
// and they take turns. The limits of ListenOptions are for all reactors together, either way; of
// accepts_per_second each may take one more.
class ReactorGroup {
public:
    // Throws std::system_error if there is no descriptor for a reactor. At least one.
    explicit ReactorGroup(std::size_t reactors, const GroupOptions& options = {});
    ReactorGroup(const ReactorGroup&) = delete;
    ReactorGroup& operator=(const ReactorGroup&) = delete;
    ~ReactorGroup();  // as ~Reactor of each; not while it runs

    std::size_t size() const noexcept { return reactors_.size(); }
    // Before run(), for all that is to be set up in it; while it runs, for its own thread, and post(). Not
    // to be drained or stopped by itself: the group does that for all.
    Reactor& operator[](std::size_t index) noexcept { return *reactors_[index]; }

    // Makes the factory for the connections of one of the reactors.
    using FactoryFor = std::function<Result<ProtocolFactory>(Reactor&)>;
    struct Listening {
        Endpoint local;  // with the real port
        struct Place {
            std::size_t reactor;
            ListenerId id;
        };
        std::vector<Place> ids;  // one of each reactor, or of reactor 0 where that accepts for all
    };
    // Before run().
    Result<Listening> listen(const Endpoint& endpoint, const ProtocolFactory& factory,
                             const ListenOptions& options = {}, Site made = Site::current());
    Result<Listening> listen(const Endpoint& endpoint, const FactoryFor& factory_for,
                             const ListenOptions& options = {}, Site made = Site::current());
    // The same on sockets that listen already, as of a takeover; `asked` is what they were opened for.
    // The reactors have one each, or more; if there are fewer, reactor 0 accepts for all. On an error
    // some may be listened on: the group is of no use then.
    Result<Listening> listen(std::vector<Socket> sockets, const Endpoint& asked,
                             const FactoryFor& factory_for, const ListenOptions& options = {},
                             Site made = Site::current());
    // Its sockets once more, as Reactor::share() gives them. Before run().
    Result<std::vector<Socket>> share(const Listening& listening);

    // Until stop(), or until a drain is done and no reactor has anything left; of one reactor, as
    // Reactor::run(). Throws std::system_error if a thread cannot be had.
    void run();

    // From here on for any thread. What they ask is done within run(), and callbacks come on reactor 0's
    // thread. See Reactor for what each means.
    void stop_accepting();
    void drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done);
    void abort();
    void stop();
    // Asks each reactor on its own thread, and gives the answers in their order. If `ask` throws, which is
    // logged, there are none.
    template <class Answer>
    void ask_all(std::function<Answer(Reactor&)> ask,
                 std::function<void(std::vector<Answer>)> done);
    void stats(std::function<void(std::vector<ReactorStats>)> done) {
        ask_all<ReactorStats>([](Reactor& reactor) { return reactor.stats(); }, std::move(done));
    }

private:
    class Intakes;
    struct Drain;
    Result<void> admits(const Endpoint& asked, const ListenOptions& options) const;
    Result<std::vector<Socket>> open(const Endpoint& endpoint, const ListenOptions& options) const;
    Result<Listening> listen_on(std::vector<Socket> sockets, const Endpoint& asked,
                                const FactoryFor& factory_for, const ListenOptions& options,
                                Site made);
    Result<std::vector<Socket>> open_each(const Endpoint& endpoint,
                                          const ListenOptions& options) const;
    void hand_off(detail::Listener& listener, const std::vector<ProtocolFactory>& factories,
                  const ListenOptions& options,
                  const std::shared_ptr<detail::AcceptControl>& control, Site made);
    // On reactor 0's thread first, then, after what that one has handed to them, on the others'.
    void in_order(std::function<void(Reactor&)> act);
    std::thread start(std::size_t index);
    void let_go(std::size_t threads);
    void drained(const std::shared_ptr<Drain>& drain);
    void hold_first(bool held);  // while others have something to tell it

    std::vector<std::unique_ptr<Reactor>> reactors_;
    std::vector<std::unique_ptr<Intakes>> intakes_;
    std::shared_ptr<Drain> drain_;  // under way; reactor 0's thread's
    const bool pin_;
    bool stopped_ = false;  // this and the next: reactor 0's thread's
    bool serving_ = false;  // run() goes on, whatever there is to do
};

template <class Answer>
void ReactorGroup::ask_all(std::function<Answer(Reactor&)> ask,
                           std::function<void(std::vector<Answer>)> done) {
    struct Failure {  // of `ask`, by what it throws
        ReactorGroup& group;
        bool happened = true;
        ~Failure() {
            if (happened) group.reactors_[0]->post([&g = group] { g.hold_first(false); });
        }
    };
    // One after the other, so that the answers need no lock.
    struct Round {
        ReactorGroup& group;
        std::function<Answer(Reactor&)> ask;
        std::function<void(std::vector<Answer>)> done;
        std::vector<Answer> answers;

        static void go_on(const std::shared_ptr<Round>& round) {
            ReactorGroup& group = round->group;
            const std::size_t index = round->answers.size();
            if (index == 0) group.hold_first(true);
            Failure failure{group};
            round->answers.push_back(round->ask(*group.reactors_[index]));
            failure.happened = false;
            if (index + 1 < group.size())
                return group.reactors_[index + 1]->post([round] { go_on(round); });
            group.reactors_[0]->post([round] {
                round->group.hold_first(false);
                round->done(std::move(round->answers));
            });
        }
    };
    const auto round = std::make_shared<Round>(Round{*this, std::move(ask), std::move(done), {}});
    reactors_[0]->post([round] { Round::go_on(round); });
}

}  // namespace switchboard
