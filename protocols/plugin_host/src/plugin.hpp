// A plugin whose file is mapped. It exists until the process ends, and can be started when it does not run.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <switchboard/log.hpp>
#include <switchboard/plugin_host.hpp>

#include "blocks.hpp"
#include "categories.hpp"
#include "file/file.hpp"
#include "handles.hpp"
#include "tables.hpp"
#include "traces.hpp"

namespace switchboard::plugin_host {

// A table of callbacks, and the memory of the connections that use it.
struct StreamTable {
    StreamTable(Plugin& of, const sb_stream& with);

    sb_stream calls;
    Plugin& plugin;
    Blocks blocks;
};

class Plugin {
public:
    Plugin(std::string path, const FileIdentity& file, PluginTables tables);
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;

    // Calls the plugin's start(). It runs until the result and all its copies are gone. Then stop() is
    // called, on the thread of the last. Errors: what is wrong.
    static Checked<std::shared_ptr<Plugin>> start(Plugin& plugin, LogSink log);
    bool is_running() const noexcept { return running_; }
    // Calls the plugin's check(). Errors: what is wrong.
    Checked<void> check() const;

    const PluginTables& tables() const noexcept { return tables_; }
    const FileIdentity& file() const noexcept { return file_; }
    PluginInfo info() const;
    const ProtocolTable* protocol(std::string_view name) const noexcept;  // null: it has none
    std::size_t connections() const;
    // What start() and configure() leave in the process. For one call of the plugin at a time.
    Traces& traces() noexcept { return traces_; }
    StreamTable& stream_of(const ProtocolTable& protocol);
    // For a call such as switch_to(): a table that need not belong to a protocol. Null if it is unusable,
    // which is logged with the name of the call.
    StreamTable* stream_of(const sb_stream* theirs, const char* call);
    Handles<sb_socket>& sockets() noexcept { return sockets_; }
    Handles<sb_reactor>& reactors() noexcept { return reactors_; }

    sb_error to_c(std::error_code error) const noexcept;
    std::error_code from_c(sb_error error) const;  // throws std::bad_alloc
    // Logs one line, after the name of the plugin: `text` and then `rest`.
    void log(LogLevel level, std::string_view text, std::string_view rest = {}) const noexcept;

private:
    // The table that the plugin calls, which leads back to the plugin.
    struct Host {
        sb_host table;
        Plugin* plugin;
    };
    static Plugin& plugin_of(const sb_host* host) noexcept;
    static void log_for(const sb_host* host, int level, const char* text) noexcept;
    void report_left() noexcept;
    void stop() noexcept;

    const std::string path_;
    const FileIdentity file_;
    const PluginTables tables_;
    mutable OwnCategories categories_;
    Host host_;
    LogSink log_;
    std::atomic<bool> running_ = false;
    Traces traces_;
    mutable std::mutex mutex_;  // of streams_
    std::map<const sb_stream*, std::unique_ptr<StreamTable>> streams_;
    Handles<sb_socket> sockets_{*this};
    Handles<sb_reactor> reactors_{*this};
};

// One configured use of a protocol. Its factory and its connections own it together.
struct Service : std::enable_shared_from_this<Service> {
    Service(std::shared_ptr<Plugin> by, void (*free)(void*))
        : running(std::move(by)), release(free) {}
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    ~Service();

    const std::shared_ptr<Plugin> running;
    void (*const release)(void*);
    void* data = nullptr;           // the plugin's
    sb_reactor* reactor = nullptr;  // null: the protocol does not need one
    std::string_view label;         // the name of the protocol, which lives as long as the Plugin
};

}  // namespace switchboard::plugin_host
