#include <switchboard/registry.hpp>

#include <cassert>
#include <utility>

namespace switchboard {

void Registry::add(Registration registration) {
    assert(!find(registration.name) && "a protocol is registered once");
    registrations_.push_back(std::move(registration));
}

const Registration* Registry::find(std::string_view name) const {
    const auto place = place_of(name);
    return place ? &registrations_[*place] : nullptr;
}

Result<std::size_t> Registry::place_of(std::string_view name) const {
    std::string names;
    for (std::size_t i = 0; i < registrations_.size(); ++i) {
        if (registrations_[i].name == name) return i;
        names += (names.empty() ? "" : ", ") + registrations_[i].name;
    }
    return fail(errc::unknown_protocol, "\"" + std::string(name) + "\" (available: " + names + ")");
}

Result<Registration> Registry::replace(Registration registration) {
    return place_of(registration.name).map([&](std::size_t place) {
        return std::exchange(registrations_[place], std::move(registration));
    });
}

Result<Registration> Registry::remove(std::string_view name) {
    return place_of(name).map([&](std::size_t place) {
        Registration removed = std::move(registrations_[place]);
        registrations_.erase(registrations_.begin() + static_cast<std::ptrdiff_t>(place));
        return removed;
    });
}

Result<const Registration*> Registry::choose(std::string_view name,
                                             const ProtocolContext& context) const {
    return place_of(name).and_then([&](std::size_t place) -> Result<const Registration*> {
        const Registration& found = registrations_[place];
        if (found.needs_reactor && !context.reactor) return fail(errc::needs_reactor, found.name);
        if (found.starts_threads && context.forks)
            return fail(errc::unsupported,
                        found.name + ": starts threads, which a driver with processes cannot copy");
        return &found;
    });
}

namespace {

auto naming(const std::string& name) {
    return [&name](const Error& e) {
        return Error(e.code(), e.context().empty() ? name : name + ": " + e.context());
    };
}

}  // namespace

Result<ProtocolFactory> Registry::make(std::string_view name, const Options& options,
                                       const ProtocolContext& context) const {
    const auto found = choose(name, context);
    if (!found) return tl::unexpected(found.error());
    const Registration& chosen = **found;
    if (!chosen.make) return fail(errc::unsupported, chosen.name + ": does not support streams");
    return options.checked(chosen.options)
        .and_then([&](const Options& checked) { return chosen.make(checked, context); })
        .map_error(naming(chosen.name));
}

Result<std::unique_ptr<DatagramProtocol>> Registry::make_datagram(
    std::string_view name, const Options& options, const ProtocolContext& context) const {
    const auto found = choose(name, context);
    if (!found) return tl::unexpected(found.error());
    const Registration& chosen = **found;
    if (!chosen.make_datagram)
        return fail(errc::unsupported, chosen.name + ": does not support datagrams (udp)");
    return options.checked(chosen.options)
        .and_then([&](const Options& checked) { return chosen.make_datagram(checked, context); })
        .map_error(naming(chosen.name));
}

}  // namespace switchboard
