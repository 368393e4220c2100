#include "isolate.hpp"

#include <fcntl.h>

#include <switchboard/reactor_group.hpp>
#include <switchboard/workers.hpp>

#include "plugins.hpp"
#include "serve_reactor.hpp"
#include "signals.hpp"
#include "taken_sockets.hpp"

namespace switchboard::program {
namespace {

Result<Socket> duplicate(const Socket& socket) {
    const int copy = fcntl(socket.fd(), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return fail_errno("duplicate a listening socket");
    return Socket(copy);
}

class Isolated {
public:
    Isolated(const Plan& plan, const Registry& built_in, const PluginArguments& plugins,
             const LogSink& sink)
        : plan_(plan), built_in_(built_in), plugins_(plugins), sink_(sink) {}

    Outcome serve() {
        const auto local = open();
        if (!local) return refuse(local.error());
        const auto stop = Stop::create();
        if (!stop) return refuse(stop.error());
        const auto signals = SignalPipe::open();
        if (!signals) return refuse(signals.error());
        const StopOnSignals stop_on_signals(*stop);
        const Outcome served = supervise([this](Worker& worker) { return work(worker); }, *stop,
                                         {.workers = plan_.isolate,
                                          .drain_timeout = plan_.limits.server.drain_timeout,
                                          .log = sink_,
                                          .on_ready = [&] { ready(*local, *stop); },
                                          .on_drain = [this] { close(); },
                                          .signals = (*signals)->fd()});
        block_stop_signals();
        if (not_taken_) return refuse(*not_taken_);
        return served;
    }

private:
    Result<Endpoint> open() {
        auto taken = take_sockets(plan_);
        if (!taken) return tl::unexpected(taken.error());
        took_over_ = std::move(taken->takeover);
        sockets_ = std::move(taken->listeners);
        if (sockets_.empty()) {
            auto opened = open_listeners(plan_.endpoint, plan_.isolate, plan_.listen);
            if (!opened) return tl::unexpected(opened.error());
            sockets_ = std::move(*opened);
        }
        if (const auto opened = open_path(); !opened) return tl::unexpected(opened.error());
        return bound_endpoint(sockets_.front(), plan_.endpoint);
    }

    Result<void> open_path() {
        if (took_over_) path_socket_ = std::move(took_over_->path_socket);
        if (!plan_.takeover || path_socket_) return {};
        SocketOptions how;
        if (!plan_.takeover->is_abstract()) how.path_mode = 0600;
        auto path = listen(*plan_.takeover, how);
        if (!path) return tl::unexpected(path.error());
        path_socket_ = std::move(*path);
        return {};
    }

    // In the supervisor, when all workers serve.
    void ready(const Endpoint& local, const Stop& stop) {
        if (took_over_) {
            const auto taken = took_over_->ready();
            took_over_.reset();
            if (!taken) {
                not_taken_ = taken.error().message();
                return stop.drain();
            }
        }
        announce(plan_, local);
    }

    void close() {
        sockets_.clear();
        path_socket_ = Socket();
    }

    // In a worker. It has copies of all sockets, and keeps those that it needs.
    Outcome work(Worker& worker) {
        took_over_.reset();
        WorkerPart part{.worker = worker};
        if (auto taken = take_part(part); !taken) return refuse(taken.error());
        close();  // first: what a plugin starts may inherit what is open
        Registry registry = built_in_;
        LoadedPlugins plugins(registry, sink_, plugins_.probe);
        if (auto loaded = load_plugins(plugins_.plugins, plugins); !loaded) return loaded;
        if (worker.is_replacement() && plan_.tls) reload();
        return serve_reactor(plan_, registry, sink_, plugins, &part);
    }

    Result<void> take_part(WorkerPart& part) {
        const std::size_t worker = part.worker.index();
        if (plan_.takeover && worker == 0) {
            part.path_socket = std::move(path_socket_);
            for (const Socket& each : sockets_) {
                auto copy = duplicate(each);
                if (!copy) return tl::unexpected(copy.error());
                part.offered.push_back({name_of_listener(plan_), std::move(*copy)});
            }
        }
        for (std::size_t i = 0; i < sockets_.size(); ++i)
            if (is_for(worker, i)) part.sockets.push_back(std::move(sockets_[i]));
        return {};
    }

    // Each socket has a worker, and each worker has a socket.
    bool is_for(std::size_t worker, std::size_t socket) const {
        return socket % plan_.isolate == worker || worker % sockets_.size() == socket;
    }

    // The supervisor has read the certificates at its start.
    void reload() const {
        if (const auto reloaded = plan_.tls->reload(); !reloaded)
            sink_(LogLevel::error,
                  reloaded.error() + "; this worker has the certificates of the start");
    }

    const Plan& plan_;
    const Registry& built_in_;
    const PluginArguments& plugins_;
    const LogSink& sink_;
    std::optional<Takeover> took_over_;
    std::vector<Socket> sockets_;
    Socket path_socket_;
    std::optional<std::string> not_taken_;
};

}  // namespace

Outcome serve_isolated(const Plan& plan, const Registry& built_in, const PluginArguments& plugins,
                       const LogSink& sink) {
    return Isolated(plan, built_in, plugins, sink).serve();
}

}  // namespace switchboard::program
