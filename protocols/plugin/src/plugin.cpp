#include <switchboard/plugin.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "datagrams.hpp"
#include "errors.hpp"
#include "peer.hpp"
#include "reactor.hpp"
#include "stream.hpp"

namespace switchboard::plugin {
namespace {

// One protocol of the plugin, with the arrays that its table points to.
struct Entry {
    std::vector<std::vector<const char*>> choices;
    std::vector<sb_option> options;
};

// What the host reads. Made once and never destroyed, like all that the host may still point to.
struct Tables {
    Registry registry;
    std::vector<Entry> entries;
    std::vector<sb_protocol> protocols;
    std::string problem;  // why start() must fail; empty: nothing is wrong
    sb_plugin plugin{};
};
Tables* tables = nullptr;

std::int32_t type_of(OptionSpec::Type type) {
    switch (type) {
        case OptionSpec::Type::text: return SB_TEXT;
        case OptionSpec::Type::flag: return SB_FLAG;
        case OptionSpec::Type::integer: return SB_INTEGER;
        case OptionSpec::Type::size: return SB_SIZE;
        case OptionSpec::Type::duration: return SB_DURATION;
        case OptionSpec::Type::endpoint: return SB_ENDPOINT;
        case OptionSpec::Type::choice: return SB_CHOICE;
    }
    return 0;
}

sb_option option_of(const OptionSpec& spec, const std::vector<const char*>& choices) {
    return {.struct_size = sizeof(sb_option),
            .type = type_of(spec.type),
            .name = spec.name.c_str(),
            .help = spec.help.c_str(),
            .fallback = spec.fallback ? spec.fallback->c_str() : nullptr,
            .placeholder = spec.placeholder.empty() ? nullptr : spec.placeholder.c_str(),
            .choices = choices.data(),
            .least = spec.least,
            .most = spec.most};
}

Entry entry_of(const Registration& registration) {
    Entry entry;
    for (const OptionSpec& spec : registration.options) {
        std::vector<const char*>& choices = entry.choices.emplace_back();
        for (const std::string& choice : spec.choices) choices.push_back(choice.c_str());
        choices.push_back(nullptr);
        entry.options.push_back(option_of(spec, choices));
    }
    return entry;
}

Result<Use> use_of(const sb_protocol& protocol, const sb_use& asked) {
    Options::Map given;
    for (std::size_t i = 0; i < protocol.option_count; ++i)
        given[protocol.options[i].name] = asked.values[i].text;
    const Options options(std::move(given));
    const WithReactor during(asked.reactor);
    if (asked.datagrams != 0)
        return tables->registry.make_datagram(protocol.name, options, {})
            .map([](std::unique_ptr<DatagramProtocol> made) {
                return Use{.datagrams = std::move(made)};
            });
    return tables->registry.make(protocol.name, options, {}).map([](ProtocolFactory made) {
        return Use{.factory = std::move(made)};
    });
}

// Returns 0 if `work` succeeds, or writes the reason to why[0..size).
template <class Work>
int succeed(char* why, std::size_t size, const Work& work) noexcept {
    const auto tell = [&](const char* reason) { copy_text(reason, why, size); };
    try {
        const Result<void> done = work();
        if (done) return 0;
        tell(done.error().message().c_str());
    } catch (...) {
        tell_exception(tell);
    }
    return 1;
}

int configure(const sb_protocol* protocol, const sb_use* asked, void** service, char* why,
              std::size_t size) {
    return succeed(why, size, [&] {
        return use_of(*protocol, *asked).map([&](Use made) {
            *service = new Use(std::move(made));
        });
    });
}

// Never destroyed, like the tables.
std::function<Result<void>()>& own_check() {
    static auto* const check = new std::function<Result<void>()>;
    return *check;
}

int check(char* why, std::size_t size) {
    return succeed(why, size, own_check());
}

void release(void* service) {
    delete static_cast<Use*>(service);
}

std::uint32_t flags_of(const Registration& registration) {
    return (registration.one_reactor ? std::uint32_t{SB_ONE_REACTOR} : 0) |
           (uses_reactor(registration.name) ? std::uint32_t{SB_NEEDS_REACTOR} : 0) |
           (registration.starts_threads ? std::uint32_t{SB_THREADS} : 0);
}

sb_protocol protocol_of(const Registration& registration, const Entry& entry) {
    return {.struct_size = sizeof(sb_protocol),
            .flags = flags_of(registration),
            .name = registration.name.c_str(),
            .summary = registration.summary.c_str(),
            .options = entry.options.data(),
            .option_count = entry.options.size(),
            .stream = registration.make ? &made_stream() : nullptr,
            .configure = configure,
            .release = release,
            .datagrams = registration.make_datagram ? &made_datagrams() : nullptr};
}

int start(const sb_host* of, char* why, std::size_t size) {
    host = of;
    if (tables->problem.empty()) return 0;
    copy_text(tables->problem.c_str(), why, size);
    return 1;
}

void fill(Tables& all, void (*add)(Registry&)) {
    try {
        add(all.registry);
    } catch (const std::exception& thrown) {
        all.problem = std::string("registering its protocols failed: ") + thrown.what();
    } catch (...) {
        all.problem = "registering its protocols failed";
    }
    for (const Registration& each : all.registry.all()) {
        if (each.needs_reactor)
            all.problem = each.name + ": needs a Reactor, which a plugin does not have";
        all.entries.push_back(entry_of(each));
    }
    // The tables point into the entries and the registrations, which do not move from here on.
    for (std::size_t i = 0; i < all.entries.size(); ++i)
        all.protocols.push_back(protocol_of(all.registry.all()[i], all.entries[i]));
}

sb_plugin table_of(const About& about, const Tables& all) {
    return {.struct_size = sizeof(sb_plugin),
            .abi_version = SB_ABI,
            .name = about.name,
            .version = about.version,
            .summary = about.summary,
            .licence = nullptr,
            .protocols = all.protocols.data(),
            .protocol_count = all.protocols.size(),
            .start = start,
            .stop = nullptr,
            .describe = describe_error,
            .check = own_check() ? check : nullptr};
}

}  // namespace

void set_check(std::function<Result<void>()> check) {
    own_check() = std::move(check);
}

const sb_plugin* describe(const About& about, void (*add)(Registry&)) noexcept {
    if (tables) return &tables->plugin;
    try {
        auto made = std::make_unique<Tables>();
        fill(*made, add);
        made->plugin = table_of(about, *made);
        tables = made.release();
        return &tables->plugin;
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

}  // namespace switchboard::plugin
