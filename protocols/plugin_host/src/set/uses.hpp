// The uses of a plugin's protocols, and the version of the plugin that serves them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <switchboard/registry.hpp>
#include <vector>

#include "plugin.hpp"

namespace switchboard::plugin_host {

// A use of a protocol, with one version of the plugin. Empty: the plugin was unloaded.
struct Serving {
    std::shared_ptr<Service> service;
    StreamTable* stream = nullptr;
};

// One use of a protocol for streams, such as a listener. Its factory ends it. What it serves with is
// destroyed on the thread of its reactor, if the protocol needs one. Threading: connect() may be called on
// any thread, and offer() and close() on that of the reactor; the rest is for the holder of the lock of Uses.
class Use : public std::enable_shared_from_this<Use> {
public:
    // `options` are checked by the table, which describes the protocol.
    Use(const ProtocolTable& table, Options options, const ProtocolContext& context,
        Serving serving);

    // Makes the protocol of a new connection; null if the plugin was unloaded or refuses the connection.
    std::unique_ptr<Protocol> connect() const;
    // The factory is gone, and soon the reactor may be.
    void close() noexcept;

    // Calls `fn` on the thread of the reactor, which must be needed. Returns false if the use is closed.
    bool post(std::function<void()> fn) const;
    // Keeps what switch_to() will serve with.
    void offer(Serving next);
    // Exchanges what is offered with what serves.
    void switch_to(const ProtocolTable& table, Options options);
    // Destroys what was offered, or exchanged. On this thread if no reactor is needed.
    void drop();
    // Refuses connections from now on. What has served is then for drop().
    void end();

    const ProtocolTable& table() const noexcept { return *table_; }
    const Options& options() const noexcept { return options_; }
    const ProtocolContext& context() const noexcept { return context_; }
    bool needs_reactor() const noexcept { return needs_reactor_; }

private:
    struct Held {
        Serving serving, next;
        std::vector<Serving> going;  // on the thread of the reactor
    };
    void let_go() noexcept;

    const ProtocolTable* table_;
    Options options_;
    const ProtocolContext context_;
    const bool needs_reactor_;
    // Of what follows. While it is held and closed_ is false, the reactor exists.
    mutable std::mutex mutex_;
    bool closed_ = false;
    Held held_;
};

// The version of a plugin that is in use, with all uses of its protocols. The registrations of its protocols
// share it. Threading: thread-safe.
class Uses : public std::enable_shared_from_this<Uses> {
public:
    explicit Uses(std::shared_ptr<Plugin> running) : running_(std::move(running)) {}

    // For the registry. The protocol must belong to a version that is or was in use.
    Registration registration_of(const ProtocolTable& protocol);
    // Whether registration_of() has made it.
    bool made(const Registration& registration) const noexcept;
    // Configures each use in `next`, on the thread of its reactor if it needs one. Then calls the check() of
    // `next`, and switches all uses to it. Errors: nothing has changed then.
    Result<void> replace(std::shared_ptr<Plugin> next, std::chrono::milliseconds reactor_timeout);
    // From now on, all uses refuse their connections.
    void end();

private:
    // What registration_of() puts into a registration.
    struct Make {
        std::shared_ptr<Uses> uses;
        const ProtocolTable* protocol;
        Result<ProtocolFactory> operator()(const Options&, const ProtocolContext&) const;
    };
    struct MakeDatagram {
        std::shared_ptr<Uses> uses;
        const ProtocolTable* protocol;
        Result<std::unique_ptr<DatagramProtocol>> operator()(const Options&,
                                                             const ProtocolContext&) const;
    };
    struct Switch {
        std::shared_ptr<Use> use;
        const ProtocolTable* table;
        Options options;
    };
    // A protocol of the version in use, and the options for it.
    struct Chosen {
        const ProtocolTable& table;
        Options options;
    };
    Result<Chosen> choose(const ProtocolTable& described, const Options& options) const;
    Result<ProtocolFactory> make(const ProtocolTable& described, const Options& options,
                                 const ProtocolContext& context);
    Result<std::unique_ptr<DatagramProtocol>> make_datagram(const ProtocolTable& described,
                                                            const Options& options,
                                                            const ProtocolContext& context);
    Result<void> prepare(const std::shared_ptr<Plugin>& next, std::chrono::milliseconds timeout,
                         std::vector<Switch>& to) const;
    Result<void> switch_all(std::shared_ptr<Plugin>& next, std::chrono::milliseconds timeout,
                            std::vector<Switch>& all);

    std::mutex mutex_;
    std::shared_ptr<Plugin> running_;  // null: it was unloaded
    std::vector<std::weak_ptr<Use>> uses_;
    std::vector<std::weak_ptr<Service>> sockets_;  // of datagrams
};

}  // namespace switchboard::plugin_host
