#include "uses.hpp"

#include <algorithm>
#include <exception>

#include "plugin_protocol.hpp"
#include "text.hpp"

namespace switchboard::plugin_host {
namespace {

std::int64_t number_of(const OptionSpec& spec, const Options& options) {
    switch (spec.type) {
        case OptionSpec::Type::text:
        case OptionSpec::Type::endpoint: return 0;
        case OptionSpec::Type::flag: return options.flag(spec.name) ? 1 : 0;
        case OptionSpec::Type::integer: return options.integer(spec.name);
        case OptionSpec::Type::size: return static_cast<std::int64_t>(options.size(spec.name));
        case OptionSpec::Type::duration: return options.duration(spec.name).count();
        case OptionSpec::Type::choice: return static_cast<std::int64_t>(options.choice(spec.name));
    }
    return 0;
}

// Fills in the service of one use.
Result<void> configure(const ProtocolTable& protocol, const Options& options, Service& service) {
    if (!protocol.table.configure) return {};
    std::vector<sb_value> values;
    for (const OptionSpec& spec : protocol.options)
        values.push_back({options.text(spec.name).c_str(), number_of(spec, options)});
    Reason why{};
    try {
        void* data = nullptr;
        if (protocol.table.configure(protocol.theirs, values.data(), &data, why.data(),
                                     why.size() - 1) == 0) {
            service.data = data;
            return {};
        }
    } catch (const std::exception& thrown) {
        return fail(errc::handler_failed, "configure() threw: " + one_line(thrown.what()));
    } catch (...) {
        return fail(errc::handler_failed, "configure() threw an unknown exception");
    }
    return fail(errc::bad_option, one_line(why.data()));
}

Result<Serving> serve(const std::shared_ptr<Plugin>& running, const ProtocolTable& protocol,
                      const Options& options) {
    Serving serving{std::make_shared<Service>(running, protocol.table.release),
                    &running->stream_of(protocol)};
    const auto done =
        running->traces().watch([&] { return configure(protocol, options, *serving.service); });
    if (!done) return tl::unexpected(done.error());
    return serving;
}

// Checks options of one version for another one. What has its default value gets the default value of the
// other version.
Result<Options> translate(const Options& options, const ProtocolTable& from,
                          const ProtocolTable& to) {
    Options::Map given;
    for (const OptionSpec& spec : from.options) {
        const std::string& text = options.text(spec.name);
        if (text != spec.fallback) given[spec.name] = text;
    }
    return Options(std::move(given)).checked(to.options);
}

}  // namespace

std::unique_ptr<Protocol> Use::connect() const {
    Serving serving;
    {
        const std::lock_guard lock(mutex_);
        serving = serving_;
    }
    if (!serving.service) return nullptr;
    void* const data = serving.service->data;
    return PluginProtocol::make(*serving.stream, std::move(serving.service), data);
}

void Use::switch_to(const ProtocolTable& table, Options options, Serving& serving) {
    table_ = &table;
    options_ = std::move(options);
    const std::lock_guard lock(mutex_);
    std::swap(serving_, serving);
}

void Use::end() {
    Serving last;  // goes after the lock: it may call the plugin
    const std::lock_guard lock(mutex_);
    std::swap(serving_, last);
}

Registration Uses::registration_of(const ProtocolTable& protocol) {
    return {.name = protocol.name,
            .summary = protocol.summary,
            .options = protocol.options,
            .one_reactor = (protocol.table.flags & SB_ONE_REACTOR) != 0,
            .make = [self = shared_from_this(), &protocol](const Options& options,
                                                           const ProtocolContext&) {
                return self->make(protocol, options);
            }};
}

// A copy of a registry may still have the description of a version before.
Result<ProtocolFactory> Uses::make(const ProtocolTable& described, const Options& options) {
    const std::lock_guard lock(mutex_);
    if (!running_) return fail(errc::unknown_protocol, "its plugin was unloaded");
    const ProtocolTable& table = *running_->protocol(described.name);
    const auto checked =
        &table == &described ? Result<Options>(options) : translate(options, described, table);
    if (!checked) return tl::unexpected(checked.error());
    auto serving = serve(running_, table, *checked);
    if (!serving) return tl::unexpected(serving.error());
    auto use = std::make_shared<Use>(table, *checked, std::move(*serving));
    uses_.erase(std::remove_if(uses_.begin(), uses_.end(),
                               [](const std::weak_ptr<Use>& each) { return each.expired(); }),
                uses_.end());
    uses_.push_back(use);
    return [use = std::move(use)] { return use->connect(); };
}

Result<std::vector<Uses::Switch>> Uses::prepare(const std::shared_ptr<Plugin>& next) {
    std::vector<Switch> all;
    for (const std::weak_ptr<Use>& each : uses_) {
        auto use = each.lock();
        if (!use) continue;
        const ProtocolTable& table = *next->protocol(use->table().name);
        const auto naming = [&](const Error& error) {
            return Error(error.code(), "protocol " + table.name + ": " + error.context());
        };
        auto options = translate(use->options(), use->table(), table).map_error(naming);
        if (!options) return tl::unexpected(options.error());
        auto serving = serve(next, table, *options).map_error(naming);
        if (!serving) return tl::unexpected(serving.error());
        all.push_back({std::move(use), &table, std::move(*options), std::move(*serving)});
    }
    return all;
}

Result<void> Uses::replace(std::shared_ptr<Plugin> next) {
    std::vector<Switch> all;  // goes after the lock, as does the version before: it may call stop()
    const std::lock_guard lock(mutex_);
    auto prepared = prepare(next);
    if (!prepared) return tl::unexpected(prepared.error());
    all = std::move(*prepared);
    if (const auto checked = next->check(); !checked)
        return fail(errc::plugin_refused, checked.error());
    for (Switch& each : all)
        each.use->switch_to(*each.table, std::move(each.options), each.serving);
    std::swap(running_, next);
    return {};
}

void Uses::end() {
    std::shared_ptr<Plugin> last;  // goes after the lock: this may call stop()
    const std::lock_guard lock(mutex_);
    std::swap(running_, last);
    for (const std::weak_ptr<Use>& each : uses_)
        if (const auto use = each.lock()) use->end();
    uses_.clear();
}

}  // namespace switchboard::plugin_host
