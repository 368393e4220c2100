#include <switchboard/registry.hpp>

#include <algorithm>
#include <cassert>

namespace switchboard {

Result<Options> Options::parse(const std::vector<std::string>& assignments) {
    Map values;
    for (const std::string& text : assignments) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(errc::bad_option, "option \"" + text + "\": must be name=value");
        }
        const auto [at, fresh] = values.emplace(text.substr(0, equals), text.substr(equals + 1));
        if (!fresh) return fail(errc::bad_option, "option " + at->first + ": given more than once");
    }
    return Options(std::move(values));
}

const std::string* Options::find(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : &found->second;
}

std::string Options::text(std::string_view name, const std::string& fallback) const {
    const std::string* value = find(name);
    return value ? *value : fallback;
}

Result<std::size_t> Options::size(std::string_view name, std::size_t fallback) const {
    const std::string* value = find(name);
    if (!value) return fallback;
    return parse_size(*value).map_error([&](const Error& e) {
        return Error(e.code(), "option " + std::string(name) + ": " + e.context());
    });
}

Result<void> Options::only(std::initializer_list<std::string_view> known) const {
    for (const auto& [name, value] : values_) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        return fail(errc::bad_option, "option " + name + ": no such option");
    }
    return {};
}

void Registry::add(Registration registration) {
    assert(!find(registration.name) && "a protocol is registered once");
    registrations_.push_back(std::move(registration));
}

const Registration* Registry::find(std::string_view name) const {
    const auto found = std::find_if(registrations_.begin(), registrations_.end(),
                                    [&](const Registration& r) { return r.name == name; });
    return found == registrations_.end() ? nullptr : &*found;
}

Result<const Registration*> Registry::choose(std::string_view name,
                                             const ProtocolContext& context) const {
    const Registration* found = find(name);
    if (!found) {
        std::string names;
        for (const Registration& r : registrations_) names += (names.empty() ? "" : ", ") + r.name;
        return fail(errc::unknown_protocol,
                    "\"" + std::string(name) + "\" (available: " + names + ")");
    }
    if (found->needs_reactor && !context.reactor) return fail(errc::needs_reactor, found->name);
    return found;
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
    return chosen.make(options, context).map_error(naming(chosen.name));
}

Result<std::unique_ptr<DatagramProtocol>> Registry::make_datagram(
    std::string_view name, const Options& options, const ProtocolContext& context) const {
    const auto found = choose(name, context);
    if (!found) return tl::unexpected(found.error());
    const Registration& chosen = **found;
    if (!chosen.make_datagram)
        return fail(errc::unsupported, chosen.name + ": does not support datagrams (udp)");
    return chosen.make_datagram(options, context).map_error(naming(chosen.name));
}

}  // namespace switchboard
