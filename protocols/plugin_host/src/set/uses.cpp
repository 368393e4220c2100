#include "set/uses.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <switchboard/reactor.hpp>

#include "call.hpp"
#include "datagrams/plugin_datagrams.hpp"
#include "plugin_protocol.hpp"
#include "reactor/reactor_use.hpp"
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
Result<void> configure(const ProtocolTable& protocol, const Options& options, bool datagrams,
                       Service& service) {
    if (!protocol.table.configure) return {};
    std::vector<sb_value> values;
    for (const OptionSpec& spec : protocol.options)
        values.push_back({options.text(spec.name).c_str(), number_of(spec, options)});
    const sb_use use{.struct_size = sizeof use,
                     .datagrams = datagrams ? 1 : 0,
                     .values = values.data(),
                     .reactor = service.reactor};
    const auto configured = succeed("configure", [&](char* why, std::size_t size) {
        void* data = nullptr;
        const int failed = protocol.table.configure(protocol.theirs, &use, &data, why, size);
        if (failed == 0) service.data = data;
        return failed;
    });
    if (configured) return {};
    return fail(configured.error().threw ? errc::handler_failed : errc::bad_option,
                configured.error().text);
}

// Makes one use of a protocol, for streams or for a datagram socket.
Result<std::shared_ptr<Service>> make_service(const std::shared_ptr<Plugin>& running,
                                              const ProtocolTable& protocol, const Options& options,
                                              const ProtocolContext& context, bool datagrams) {
    auto service = std::make_shared<Service>(running, protocol.table.release);
    service->label = protocol.name;
    if ((protocol.table.flags & SB_NEEDS_REACTOR) != 0)
        begin_use(*service, *context.reactor, context.limits.connection);
    return running->traces()
        .watch([&] { return configure(protocol, options, datagrams, *service); })
        .map([&] { return service; });
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

// A call that another thread waits for.
struct Awaited {
    // By the reactor, which then answers, or by who does not wait on.
    std::atomic<bool> taken = false;
    std::shared_ptr<Plugin> next;  // for who takes it
    std::promise<Result<void>> answer;
};

// Calls `make` on the thread of the reactor. Returns at once if the use is closed.
template <class Make>
Result<void> make_there(const Use& use, const std::shared_ptr<Plugin>& next,
                        std::chrono::milliseconds timeout, Make make) {
    const auto awaited = std::make_shared<Awaited>();
    awaited->next = next;
    auto answer = awaited->answer.get_future();
    const bool posted = use.post([awaited, make] {
        if (awaited->taken.exchange(true)) return;
        try {
            auto made = make(std::exchange(awaited->next, nullptr));
            awaited->answer.set_value(std::move(made));
        } catch (...) {
            awaited->answer.set_exception(std::current_exception());
        }
    });
    if (!posted) return {};
    if (answer.wait_for(timeout) != std::future_status::ready && !awaited->taken.exchange(true)) {
        awaited->next.reset();  // the reactor may keep the post
        return fail(errc::stopping, "its reactor does not run, or waits for this call");
    }
    return answer.get();
}

// Makes the service of a use once more, with another version, on the thread of the reactor if the protocol
// needs one.
Result<void> use_again(const std::shared_ptr<Use>& use, const std::shared_ptr<Plugin>& next,
                       const ProtocolTable& table, const Options& options,
                       std::chrono::milliseconds timeout) {
    const auto make = [use, &table, &options](const std::shared_ptr<Plugin>& by) {
        return make_service(by, table, options, use->context(), false).map([&](auto service) {
            use->offer({std::move(service), &by->stream_of(table)});
        });
    };
    try {
        return use->needs_reactor() ? make_there(*use, next, timeout, make) : make(next);
    } catch (const std::exception& thrown) {
        return fail(errc::handler_failed, one_line(thrown.what()));
    }
}

// Forgets those that are gone.
template <class T>
void prune(std::vector<std::weak_ptr<T>>& all) {
    all.erase(std::remove_if(all.begin(), all.end(),
                             [](const std::weak_ptr<T>& each) { return each.expired(); }),
              all.end());
}

}  // namespace

Use::Use(const ProtocolTable& table, Options options, const ProtocolContext& context,
         Serving serving)
    : table_(&table),
      options_(std::move(options)),
      context_(context),
      needs_reactor_((table.table.flags & SB_NEEDS_REACTOR) != 0),
      held_{.serving = std::move(serving), .next = {}, .going = {}} {}

std::unique_ptr<Protocol> Use::connect() const {
    Serving serving;
    {
        const std::lock_guard lock(mutex_);
        serving = held_.serving;
    }
    if (!serving.service) return nullptr;
    void* const data = serving.service->data;
    return PluginProtocol::make(*serving.stream, std::move(serving.service), data);
}

// Here and below, what is given up is destroyed after the lock is released, because that may call the plugin.
void Use::close() noexcept {
    Held gone;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    std::swap(held_, gone);
}

bool Use::post(std::function<void()> fn) const {
    const std::lock_guard lock(mutex_);
    if (!closed_) context_.reactor->post(std::move(fn));
    return !closed_;
}

void Use::offer(Serving next) {
    const std::lock_guard lock(mutex_);
    if (!closed_ || !needs_reactor_) std::swap(held_.next, next);
}

void Use::switch_to(const ProtocolTable& table, Options options) {
    table_ = &table;
    options_ = std::move(options);
    const std::lock_guard lock(mutex_);
    if (!closed_) std::swap(held_.serving, held_.next);
}

void Use::drop() {
    Serving gone;
    const std::lock_guard lock(mutex_);
    std::swap(held_.next, gone);
    if (!needs_reactor_ || !gone.service) return;
    held_.going.push_back(std::exchange(gone, {}));
    context_.reactor->post([self = shared_from_this()] { self->let_go(); });
}

void Use::let_go() noexcept {
    std::vector<Serving> gone;
    const std::lock_guard lock(mutex_);
    std::swap(held_.going, gone);
}

void Use::end() {
    const std::lock_guard lock(mutex_);
    held_.next = std::exchange(held_.serving, {});
}

Registration Uses::registration_of(const ProtocolTable& protocol) {
    Registration registration{.name = protocol.name,
                              .summary = protocol.summary,
                              .options = protocol.options,
                              .needs_reactor = (protocol.table.flags & SB_NEEDS_REACTOR) != 0,
                              .one_reactor = (protocol.table.flags & SB_ONE_REACTOR) != 0,
                              .starts_threads = (protocol.table.flags & SB_THREADS) != 0};
    if (protocol.stream) registration.make = Make{shared_from_this(), &protocol};
    if (protocol.datagrams)
        registration.make_datagram = MakeDatagram{shared_from_this(), &protocol};
    return registration;
}

Result<ProtocolFactory> Uses::Make::operator()(const Options& options,
                                               const ProtocolContext& context) const {
    return uses->make(*protocol, options, context);
}

Result<std::unique_ptr<DatagramProtocol>> Uses::MakeDatagram::operator()(
    const Options& options, const ProtocolContext& context) const {
    return uses->make_datagram(*protocol, options, context);
}

bool Uses::made(const Registration& registration) const noexcept {
    const auto* const streams = registration.make.target<Make>();
    const auto* const datagrams = registration.make_datagram.target<MakeDatagram>();
    return (streams && streams->uses.get() == this) || (datagrams && datagrams->uses.get() == this);
}

// A copy of a registry may still have the description of a version before.
Result<Uses::Chosen> Uses::choose(const ProtocolTable& described, const Options& options) const {
    if (!running_) return fail(errc::unknown_protocol, "its plugin was unloaded");
    const ProtocolTable& table = *running_->protocol(described.name);
    if (&table == &described) return Chosen{table, options};
    return translate(options, described, table).map([&](const Options& checked) {
        return Chosen{table, checked};
    });
}

Result<ProtocolFactory> Uses::make(const ProtocolTable& described, const Options& options,
                                   const ProtocolContext& context) {
    const std::lock_guard lock(mutex_);
    const auto chosen = choose(described, options);
    if (!chosen) return tl::unexpected(chosen.error());
    const auto service = make_service(running_, chosen->table, chosen->options, context, false);
    if (!service) return tl::unexpected(service.error());
    auto use = std::make_shared<Use>(chosen->table, chosen->options, context,
                                     Serving{*service, &running_->stream_of(chosen->table)});
    prune(uses_);
    uses_.push_back(use);
    Use* const made = use.get();
    // A copy of the factory shares this, so the last one closes the use.
    std::shared_ptr<Use> owned(made, [use = std::move(use)](Use*) { use->close(); });
    return [owned = std::move(owned)] { return owned->connect(); };
}

Result<std::unique_ptr<DatagramProtocol>> Uses::make_datagram(const ProtocolTable& described,
                                                              const Options& options,
                                                              const ProtocolContext& context) {
    const std::lock_guard lock(mutex_);
    const auto chosen = choose(described, options);
    if (!chosen) return tl::unexpected(chosen.error());
    const auto service = make_service(running_, chosen->table, chosen->options, context, true);
    if (!service) return tl::unexpected(service.error());
    prune(sockets_);
    sockets_.push_back(*service);
    return PluginDatagrams::make(*chosen->table.datagrams, *service);
}

// Adds what is made also if it fails.
Result<void> Uses::prepare(const std::shared_ptr<Plugin>& next, std::chrono::milliseconds timeout,
                           std::vector<Switch>& to) const {
    for (const std::weak_ptr<Use>& each : uses_) {
        auto use = each.lock();
        if (!use) continue;
        const ProtocolTable& table = *next->protocol(use->table().name);
        const auto naming = [&](const Error& error) {
            return Error(error.code(), "protocol " + table.name + ": " + error.context());
        };
        const auto options = translate(use->options(), use->table(), table).map_error(naming);
        if (!options) return tl::unexpected(options.error());
        to.push_back({use, &table, *options});
        const auto made = use_again(use, next, table, *options, timeout).map_error(naming);
        if (!made) return made;
    }
    return {};
}

Result<void> Uses::switch_all(std::shared_ptr<Plugin>& next, std::chrono::milliseconds timeout,
                              std::vector<Switch>& all) {
    const std::lock_guard lock(mutex_);
    prune(sockets_);
    if (!sockets_.empty())
        return fail(errc::plugin_refused,
                    "the version in use has a datagram socket, which stays on that version");
    if (auto prepared = prepare(next, timeout, all); !prepared) return prepared;
    if (const auto checked = next->check(); !checked)
        return fail(errc::plugin_refused, checked.error());
    for (Switch& each : all) each.use->switch_to(*each.table, std::move(each.options));
    std::swap(running_, next);
    return {};
}

// What is given up is destroyed after the lock is released, because that may call the plugin.
Result<void> Uses::replace(std::shared_ptr<Plugin> next,
                           std::chrono::milliseconds reactor_timeout) {
    std::vector<Switch> all;
    auto switched = switch_all(next, reactor_timeout, all);
    for (Switch& each : all) each.use->drop();
    return switched;
}

void Uses::end() {
    std::vector<std::shared_ptr<Use>> all;
    std::shared_ptr<Plugin> last;
    {
        const std::lock_guard lock(mutex_);
        std::swap(running_, last);
        for (const std::weak_ptr<Use>& each : uses_)
            if (auto use = each.lock()) all.push_back(std::move(use));
        uses_.clear();
    }
    for (const auto& each : all) {
        each->end();
        each->drop();
    }
}

}  // namespace switchboard::plugin_host
