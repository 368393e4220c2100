// Counts visitors under three drivers. State that handlers share needs no lock under a reactor, needs a
// lock under threads, and is copied under processes.
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <mutex>
#include <switchboard/blocking.hpp>
#include <switchboard/callbacks.hpp>
#include <switchboard/exchange.hpp>
#include <switchboard/reactor.hpp>
#include <thread>

using namespace switchboard;

class Visits {
public:
    int next() {
        const std::lock_guard lock(mutex_);  // for threads; a reactor would need none
        return ++count_;
    }

private:
    std::mutex mutex_;
    int count_ = 0;
};

ProtocolFactory counted(const std::shared_ptr<Visits>& visits) {
    return callbacks([visits] {
        return Callbacks{.on_open = [visits](Connection& peer) {
            peer.write(" " + std::to_string(visits->next()));
            peer.close();
        }};
    });
}

void visit_three_times(const char* driver, const Endpoint& server) {
    std::cout << driver << ":";
    for (int i = 0; i < 3; ++i)
        std::cout << as_text(exchange(server, {}, {.shutdown_after_request = false}).value());
    std::cout << std::endl;
}

// The visitor is a process, not a thread: serve_processes forks, and should do so in a program without
// threads.
void serve_blocking(const char* driver, decltype(serve_threads)* serve) {
    Socket listener = listen(Endpoint::tcp("127.0.0.1", 0)).value();
    const Stop stop = Stop::create().value();
    const pid_t visitor = ::fork();
    if (visitor == 0) {
        visit_three_times(driver, listener.local().value());
        stop.drain();  // the child shares it with the server
        ::_exit(0);
    }
    const auto served = serve(std::move(listener), counted(std::make_shared<Visits>()), stop, {});
    if (!served) std::cout << served.error().message() << "\n";
    ::waitpid(visitor, nullptr, 0);
}

int main() {
    Reactor reactor;
    const auto here =
        reactor.listen(Endpoint::tcp("127.0.0.1", 0), counted(std::make_shared<Visits>())).value();
    std::thread client([&] {
        visit_three_times("reactor", here.local);
        reactor.post([&] { reactor.stop(); });
    });
    reactor.run();
    client.join();
    serve_blocking("threads", serve_threads);
    serve_blocking("processes", serve_processes);
}
