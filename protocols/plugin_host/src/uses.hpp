// The uses of a plugin's protocols, and the version of the plugin that serves them.
#pragma once

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

// One use of a protocol, such as a listener. Its factory owns it. Threading: thread-safe.
class Use {
public:
    // `options` are checked by the table, which describes the protocol.
    Use(const ProtocolTable& table, Options options, Serving serving)
        : table_(&table), options_(std::move(options)), serving_(std::move(serving)) {}

    // Makes the protocol of a new connection; null if the plugin was unloaded or refuses the connection.
    std::unique_ptr<Protocol> connect() const;
    // Exchanges `serving` with the one before. The caller destroys that one, which may call the plugin.
    void switch_to(const ProtocolTable& table, Options options, Serving& serving);
    void end();

    const ProtocolTable& table() const noexcept { return *table_; }  // under the lock of Uses
    const Options& options() const noexcept { return options_; }     // the same

private:
    const ProtocolTable* table_;
    Options options_;
    mutable std::mutex mutex_;  // of serving_
    Serving serving_;
};

// The version of a plugin that is in use, with all uses of its protocols. The registrations of its protocols
// share it. Threading: thread-safe.
class Uses : public std::enable_shared_from_this<Uses> {
public:
    explicit Uses(std::shared_ptr<Plugin> running) : running_(std::move(running)) {}

    // For the registry. The protocol must belong to a version that is or was in use.
    Registration registration_of(const ProtocolTable& protocol);
    // Configures each use in `next`, calls its check(), and then switches all uses to it. Errors: nothing
    // has changed then.
    Result<void> replace(std::shared_ptr<Plugin> next);
    // From now on, all uses refuse their connections.
    void end();

private:
    struct Switch {
        std::shared_ptr<Use> use;
        const ProtocolTable* table;
        Options options;
        Serving serving;
    };
    Result<ProtocolFactory> make(const ProtocolTable& described, const Options& options);
    Result<std::vector<Switch>> prepare(const std::shared_ptr<Plugin>& next);

    std::mutex mutex_;
    std::shared_ptr<Plugin> running_;  // null: it was unloaded
    std::vector<std::weak_ptr<Use>> uses_;
};

}  // namespace switchboard::plugin_host
