#include "micro_servers.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <platform/process.hpp>
#include <switchboard/blocking.hpp>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>
#include <thread>

#include "cpus.hpp"
#include "pinned_reactor.hpp"

namespace switchboard::bench {
namespace {

using Serve = Result<void> (*)(Socket, const ProtocolFactory&, const Stop&, const ServeOptions&);

// How a blocking driver is to serve, and how it is told to stop: across a fork, too.
struct BlockingPlan {
    Serve serve;
    Socket listener;
    Stop stop;
    std::size_t workers;
    int cpu;

    Result<void> run() {
        if (auto pinned = pin_to(cpu); !pinned) return pinned;
        ServeOptions options;
        options.workers = workers;
        return serve(std::move(listener), factory_of<Echo>(), stop, options);
    }
};

class ReactorServer final : public EchoServer {
public:
    explicit ReactorServer(std::unique_ptr<PinnedReactor> server)
        : EchoServer(server->endpoint()), server_(std::move(server)) {}

private:
    std::unique_ptr<PinnedReactor> server_;
};

// What it could not do shows at its clients.
class ThreadServer final : public EchoServer {
public:
    ThreadServer(const Endpoint& endpoint, BlockingPlan plan)
        : EchoServer(endpoint), plan_(std::move(plan)), thread_([this] { (void)plan_.run(); }) {}
    ~ThreadServer() override {
        plan_.stop.abort();
        thread_.join();
    }

private:
    BlockingPlan plan_;
    std::thread thread_;
};

class ChildServer final : public EchoServer {
public:
    ChildServer(const Endpoint& endpoint, BlockingPlan plan, pid_t child)
        : EchoServer(endpoint), plan_(std::move(plan)), child_(child) {}
    ~ChildServer() override {
        plan_.stop.abort();
        while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }

private:
    BlockingPlan plan_;
    pid_t child_;
};

Result<std::unique_ptr<EchoServer>> start_child(const Endpoint& endpoint, BlockingPlan plan) {
    const pid_t child = ::fork();
    if (child < 0) return fail_errno("fork");
    if (child == 0) {
        platform::end_with_parent();
        ::_exit(plan.run() ? 0 : 1);
    }
    plan.listener.close();
    return std::make_unique<ChildServer>(endpoint, std::move(plan), child);
}

struct BlockingDriver {
    std::string_view name;
    Serve serve;
    bool forks;
};
constexpr BlockingDriver kBlocking[] = {
    {"iterative", serve_iterative, false},      {"threads", serve_threads, false},
    {"thread-pool", serve_thread_pool, false},  {"processes", serve_processes, true},
    {"process-pool", serve_process_pool, true},
};

Result<std::unique_ptr<EchoServer>> start_blocking(const BlockingDriver& driver,
                                                   std::size_t connections, int cpu) {
    const Endpoint any = Endpoint::tcp("127.0.0.1", 0);
    auto listener = listen(any);
    if (!listener) return tl::unexpected(listener.error());
    const auto endpoint = bound_endpoint(*listener, any);
    if (!endpoint) return tl::unexpected(endpoint.error());
    auto stop = Stop::create();
    if (!stop) return tl::unexpected(stop.error());
    BlockingPlan plan{driver.serve, std::move(*listener), std::move(*stop), connections, cpu};
    if (driver.forks) return start_child(*endpoint, std::move(plan));
    return std::make_unique<ThreadServer>(*endpoint, std::move(plan));
}

}  // namespace

const std::vector<std::string>& socket_drivers() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all = {"reactor"};
        for (const auto& driver : kBlocking) all.emplace_back(driver.name);
        return all;
    }();
    return names;
}

Result<std::unique_ptr<EchoServer>> start_echo_server(std::string_view driver,
                                                      std::size_t connections, int cpu) {
    const auto* found = std::find_if(std::begin(kBlocking), std::end(kBlocking),
                                     [&](const auto& each) { return each.name == driver; });
    if (found != std::end(kBlocking)) return start_blocking(*found, connections, cpu);
    auto server = PinnedReactor::start(cpu, factory_of<Echo>());
    if (!server) return tl::unexpected(server.error());
    return std::make_unique<ReactorServer>(std::move(*server));
}

}  // namespace switchboard::bench
