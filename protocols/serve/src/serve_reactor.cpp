#include "serve_reactor.hpp"

#include <csignal>
#include <cstdio>
#include <switchboard/live_handle.hpp>
#include <switchboard/metrics.hpp>
#include <switchboard/offload.hpp>
#include <switchboard/reactor_datagram.hpp>
#include <switchboard/reactor_group.hpp>
#include <switchboard/signals.hpp>

#include "base/counted.hpp"
#include "layers.hpp"
#include "signals.hpp"
#include "taken_sockets.hpp"

namespace switchboard::program {
namespace {

class ReactorServer {
public:
    ReactorServer(const Plan& plan, const Registry& registry, const LogSink& sink,
                  LoadedPlugins& plugins, WorkerPart* part)
        : plan_(plan),
          registry_(registry),
          sink_(sink),
          plugins_(plugins),
          part_(part),
          layers_(registry, plan),
          group_(plan.reactors, {.reactor = {.log = sink}, .pin = plan.pin}) {}

    Outcome serve() {
        const auto local = open();
        if (!local) return refuse(local.error());
        // The line is printed once all threads run, so that its reader can connect to each and send signals.
        group_.for_each([](Reactor&) {}, [&] { part_ ? ready() : announce(plan_, *local); });
        if (took_over_) {
            if (const auto ready = took_over_->ready(); !ready) return refuse(ready.error());
            took_over_.reset();
        }
        group_.run();
        block_stop_signals();
        if (!draining_) return refuse("serve " + local->to_string() + ": stopped without a signal");
        if (!plan_.datagrams && cut_short_) return refuse(kCutShort);
        return {};
    }

private:
    void ready() {
        part_->worker.ready();
        if (part_->worker.draining()) drain();
    }

    Result<Endpoint> open() {
        auto local = plan_.datagrams ? open_datagrams() : open_streams();
        if (!local) return local;
        if (const auto armed = arm_signals(); !armed) return tl::unexpected(armed.error());
        return local;
    }

    // A protocol that needs a reactor gets a factory per reactor. Other protocols share one factory and its
    // state.
    ReactorGroup::MakeFactory factory_for() {
        const Registration* const known = registry_.find(plan_.protocol);
        if (known != nullptr && known->needs_reactor)
            return [this](Reactor& reactor) {
                return layers_.make({.reactor = &reactor, .limits = plan_.limits});
            };
        return [factory = layers_.make({.limits = plan_.limits})](Reactor&) { return factory; };
    }

    Result<Endpoint> open_streams() {
        const Registration* const known = registry_.find(plan_.protocol);
        if (known != nullptr && known->one_reactor)
            if (const auto alone = check_alone(); !alone) return tl::unexpected(alone.error());
        ListenOptions accept = plan_.listen;
        if (part_) accept.count = &part_->worker.connections();
        auto sockets = given_sockets();
        if (!sockets) return tl::unexpected(sockets.error());
        const auto listening =
            sockets->empty()
                ? group_.listen(plan_.endpoint, factory_for(), accept)
                : group_.listen(std::move(*sockets), plan_.endpoint, factory_for(), accept);
        if (!listening) return tl::unexpected(listening.error());
        if (const auto served = serve_metrics(); !served) return tl::unexpected(served.error());
        if (plan_.takeover && (!part_ || part_->path_socket))
            if (const auto offered = offer(*listening); !offered)
                return tl::unexpected(offered.error());
        return listening->local;
    }

    Result<void> check_alone() const {
        const std::size_t most = std::max(plan_.reactors, plan_.isolate);
        if (most <= 1) return {};
        return fail(errc::unsupported,
                    (part_ ? "--isolate " : "--reactors ") + std::to_string(most) + ": '" +
                        plan_.protocol +
                        "' connects its clients to each other, which takes a single reactor");
    }

    // Listening sockets that were opened before; none: open them.
    Result<std::vector<Socket>> given_sockets() {
        if (part_) return std::move(part_->sockets);
        auto taken = take_sockets(plan_);
        if (!taken) return tl::unexpected(taken.error());
        took_over_ = std::move(taken->takeover);
        metrics_socket_ = std::move(taken->metrics);
        return std::move(taken->listeners);
    }

    // The sockets for the next server, and the socket at the path if there is one already.
    Result<TakeoverOptions> sockets_to_offer(const ReactorGroup::Listening& listening) {
        TakeoverOptions options;
        if (part_) {
            options.sockets = std::move(part_->offered);
            options.path_socket = std::move(part_->path_socket);
            return options;
        }
        auto sockets = group_.share(listening);
        if (!sockets) return tl::unexpected(sockets.error());
        for (Socket& socket : *sockets)
            options.sockets.push_back({name_of_listener(plan_), std::move(socket)});
        if (metrics_) {
            auto socket = share(group_[0], metrics_->id);
            if (!socket) return tl::unexpected(socket.error());
            options.sockets.push_back({name_of_metrics(plan_), std::move(*socket)});
        }
        if (took_over_) options.path_socket = std::move(took_over_->path_socket);
        return options;
    }

    Result<void> offer(const ReactorGroup::Listening& listening) {
        auto options = sockets_to_offer(listening);
        if (!options) return tl::unexpected(options.error());
        options->taken = [this](const PeerCredentials& who) {
            const std::string which =
                who.pid > 0 ? "process " + std::to_string(who.pid) : "another process";
            sink_(LogLevel::info, which + " has taken over");
            part_ ? part_->worker.ask_to_drain() : drain();
        };
        const auto offered = offer_takeover(group_[0], *plan_.takeover, std::move(*options));
        if (!offered) return tl::unexpected(offered.error());
        return {};
    }

    Result<Endpoint> open_datagrams() {
        auto protocol = registry_.make_datagram(plan_.protocol, plan_.options,
                                                {.reactor = &group_[0], .limits = plan_.limits});
        if (!protocol) return tl::unexpected(protocol.error());
        const auto bound = bind_datagram(group_[0], plan_.endpoint, std::move(*protocol),
                                         {.limits = plan_.limits.datagram});
        if (!bound) return tl::unexpected(bound.error());
        if (const auto served = serve_metrics(); !served) return tl::unexpected(served.error());
        return bound->local;
    }

    Result<void> serve_metrics() {
        if (!plan_.metrics) return {};
        ListenOptions options;
        options.server.max_connections = 64;
        const auto ask = [this](auto answer) { group_.collect_stats(std::move(answer)); };
        auto factory = make_metrics(ask);
        const auto listening = metrics_socket_ ? group_[0].listen(std::move(metrics_socket_),
                                                                  *plan_.metrics, factory, options)
                                               : group_[0].listen(*plan_.metrics, factory, options);
        if (!listening) return tl::unexpected(listening.error());
        metrics_ = *listening;
        sink_(LogLevel::info, "metrics at " + listening->local.to_string());
        return {};
    }

    Result<void> arm_signals() {
        for (const int signal : {SIGTERM, SIGINT}) {
            auto armed = on_signal(group_[0], signal, [this, signal] { stop(signal); });
            if (!armed) return armed;
        }
        auto armed = on_signal(group_[0], SIGUSR1, [this] { print_live(); });
        unblock({SIGTERM, SIGINT, SIGUSR1});
        if (!armed || (!plan_.tls && plugins_.empty())) return armed;
        armed = on_signal(group_[0], SIGHUP, [this] { reload(); });
        unblock({SIGHUP});
        return armed;
    }

    void reload() {
        if (draining_) return;  // there are no new connections
        if (plan_.tls) reload_certificates();
        if (!plugins_.empty()) replace_plugins();
    }

    // Not on this thread, because the probes take long. A signal that comes meanwhile is for afterwards.
    void replace_plugins() {
        if (replacing_) {
            replace_again_ = true;
            return;
        }
        if (!plugins_.have_changed()) {
            sink_(LogLevel::info, "the files of the plugins have not changed");
            return;
        }
        replacing_ = true;
        offload(
            group_[0], [this](const CancelToken&) { plugins_.replace_changed(); },
            [this](std::error_code) {
                replacing_ = false;
                if (drained_) return group_.stop();
                if (std::exchange(replace_again_, false) && !draining_) replace_plugins();
            });
    }

    // New connections of all reactors get the new certificates.
    void reload_certificates() {
        const auto reloaded = plan_.tls->reload();
        reloaded ? sink_(LogLevel::info, "the certificates were read again")
                 : sink_(LogLevel::error, reloaded.error() + "; the old certificates stay");
    }

    void stop(int signal) {
        const bool first = !draining_;
        drain();
        if (part_ ? signal == SIGINT : !first) abort();
    }

    void drain() {
        if (std::exchange(draining_, true)) return;
        group_.collect_stats([this](const std::vector<ReactorStats>& reactors) {
            ReactorStats all;
            for (const ReactorStats& each : reactors) all += each;
            sink_(
                LogLevel::info,
                "draining " +
                    detail::counted(all.open - all.datagram_sockets - all.rejecting, "connection") +
                    "; a second signal ends them");
        });
        group_.drain(plan_.limits.server.drain_timeout,
                     [this](std::size_t aborted) { done(aborted); });
    }
    void abort() {
        aborting_ = true;
        sink_(LogLevel::info, "ending all connections");
        group_.abort();
    }
    void done(std::size_t aborted) {
        cut_short_ = aborting_ && aborted > 0;
        if (aborted > 0)
            sink_(LogLevel::warning, "ended " + detail::counted(aborted, "connection"));
        drained_ = true;
        // Timers of a protocol would otherwise keep it running. A replacement may need all reactors.
        if (!replacing_) group_.stop();
    }

    void print_live() {
        struct Live {
            std::string text;
            std::size_t count = 0, reactor = 0;
        };
        const auto live = std::make_shared<Live>();
        const auto list = [live](Reactor& reactor) {
            const std::string name = "  reactor " + std::to_string(live->reactor++) + ": ";
            for (const LiveHandle& each : active_handles(reactor)) {
                ++live->count;
                live->text += name + to_string(each) + "\n";
            }
        };
        group_.for_each(list, [live] {
            std::fprintf(stderr, "%zu live:\n%s", live->count, live->text.c_str());
        });
    }

    const Plan& plan_;
    const Registry& registry_;
    const LogSink& sink_;
    LoadedPlugins& plugins_;
    WorkerPart* const part_;
    const Layers layers_;
    std::optional<Takeover> took_over_;
    Socket metrics_socket_;  // from a takeover
    std::optional<Listening> metrics_;
    ReactorGroup group_;
    bool draining_ = false, drained_ = false, aborting_ = false, cut_short_ = false;
    bool replacing_ = false, replace_again_ = false;
};

}  // namespace

// Write errors are ignored, because stdout may have no reader.
void announce(const Plan& plan, const Endpoint& local) {
    std::printf("listening on %s (%s, %s)\n", local.to_string().c_str(), plan.protocol.c_str(),
                plan.driver.name);
    std::fflush(stdout);
}

Outcome serve_reactor(const Plan& plan, const Registry& registry, const LogSink& sink,
                      LoadedPlugins& plugins, WorkerPart* part) {
    return ReactorServer(plan, registry, sink, plugins, part).serve();
}

}  // namespace switchboard::program
