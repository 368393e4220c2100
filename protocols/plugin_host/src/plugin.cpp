#include "plugin.hpp"

#include <algorithm>
#include <exception>
#include <new>

#include "call.hpp"
#include "error_domains.hpp"
#include "host_table.hpp"
#include "plugin_protocol.hpp"
#include "reactor/reactor_use.hpp"
#include "text.hpp"

namespace switchboard::plugin_host {

StreamTable::StreamTable(Plugin& of, const sb_stream& with)
    : calls(with), plugin(of), blocks(PluginProtocol::block_size(with.state_size)) {}

Plugin::Plugin(std::string path, const FileIdentity& file, PluginTables tables)
    : path_(std::move(path)),
      file_(file),
      tables_(std::move(tables)),
      categories_(tables_.name, tables_.table.describe),
      host_{host_table(), this} {
    host_.table.log = log_for;
}

Checked<std::shared_ptr<Plugin>> Plugin::start(Plugin& plugin, LogSink log) {
    plugin.log_ = std::move(log);
    const auto started = plugin.traces_.watch([&]() -> tl::expected<void, CallFailure> {
        const sb_plugin& table = plugin.tables_.table;
        if (!table.start) return {};
        return succeed("start", [&](char* why, std::size_t size) {
            return table.start(&plugin.host_.table, why, size);
        });
    });
    if (!started) {
        plugin.report_left();
        plugin.log_ = nullptr;
        return tl::unexpected(started.error().text);
    }
    plugin.running_ = true;
    return std::shared_ptr<Plugin>(&plugin, [](Plugin* stopping) { stopping->stop(); });
}

Checked<void> Plugin::check() const {
    if (!tables_.table.check) return {};
    return succeed("check", tables_.table.check).map_error([](const CallFailure& failure) {
        return failure.text;
    });
}

// What is left when nothing of the plugin should run any more.
void Plugin::report_left() noexcept {
    try {
        const std::string left = traces_.left();
        if (!left.empty() && log_)
            log_(LogLevel::warning,
                 "plugin " + tables_.name + " " + tables_.version + ": " + left + " left");
    } catch (...) {  // as in log()
    }
    traces_.clear();
}

void Plugin::stop() noexcept {
    try {
        if (tables_.table.stop) tables_.table.stop();
    } catch (...) {
        log(LogLevel::error, "stop() threw");
    }
    report_left();
    log_ = nullptr;  // its owner may go now
    running_ = false;
}

PluginInfo Plugin::info() const {
    PluginInfo info{.path = path_,
                    .abi = abi_text(tables_.table.abi_version),
                    .name = tables_.name,
                    .version = tables_.version,
                    .summary = tables_.summary,
                    .licence = tables_.licence,
                    .protocols = {}};
    for (const ProtocolTable& each : tables_.protocols)
        info.protocols.push_back({.name = each.name,
                                  .summary = each.summary,
                                  .options = each.options,
                                  .one_reactor = (each.table.flags & SB_ONE_REACTOR) != 0,
                                  .needs_reactor = (each.table.flags & SB_NEEDS_REACTOR) != 0,
                                  .starts_threads = (each.table.flags & SB_THREADS) != 0,
                                  .streams = each.stream.has_value(),
                                  .datagrams = each.datagrams.has_value()});
    return info;
}

const ProtocolTable* Plugin::protocol(std::string_view name) const noexcept {
    const auto& all = tables_.protocols;
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const ProtocolTable& each) { return each.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::size_t Plugin::connections() const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& each : streams_)
        if (each.second) count += each.second->blocks.in_use();
    return count;
}

StreamTable& Plugin::stream_of(const ProtocolTable& protocol) {
    const std::lock_guard lock(mutex_);
    auto& place = streams_[protocol.table.stream];
    if (!place) place = std::make_unique<StreamTable>(*this, *protocol.stream);
    return *place;
}

StreamTable* Plugin::stream_of(const sb_stream* theirs, const char* call) {
    const std::lock_guard lock(mutex_);
    auto& place = streams_[theirs];
    if (place) return place.get();
    const auto read = read_stream(theirs);
    if (read)
        place = std::make_unique<StreamTable>(*this, *read);
    else
        log(LogLevel::error, call, "() with an unusable table: " + read.error());
    return place.get();
}

sb_error Plugin::to_c(std::error_code error) const noexcept {
    if (!error) return {0, 0};
    const std::error_category& from = error.category();
    const auto common = plugin::common_domain(from);
    return {common != 0 ? common : categories_.domain_of(from), error.value()};
}

std::error_code Plugin::from_c(sb_error error) const {
    if (error.domain == 0) return {};
    const auto* const common = plugin::common_category(error.domain);
    return {error.value, common ? *common : categories_.category(error.domain)};
}

void Plugin::log(LogLevel level, std::string_view text, std::string_view rest) const noexcept {
    if (!log_) return;
    try {
        log_(level, "plugin " + tables_.name + ": " + std::string(text) + std::string(rest));
    } catch (...) {  // a message that does not fit into memory is not worth a connection
    }
}

Plugin& Plugin::plugin_of(const sb_host* host) noexcept {
    static_assert(std::is_standard_layout_v<Host>);  // so that the table is at its front
    return *reinterpret_cast<const Host*>(host)->plugin;
}

void Plugin::log_for(const sb_host* host, int level, const char* text) noexcept {
    constexpr int kMost = static_cast<int>(LogLevel::error);
    const int known = level < 0 ? 0 : level > kMost ? kMost : level;
    try {
        plugin_of(host).log(static_cast<LogLevel>(known), one_line(text));
    } catch (const std::bad_alloc&) {  // as in log()
    }
}

Service::~Service() {
    try {
        if (data && release) release(data);
    } catch (...) {
        running->log(LogLevel::error, "release() threw");
    }
    if (reactor) end_use(*reactor);
}

}  // namespace switchboard::plugin_host
