#include "tables.hpp"

#include <algorithm>
#include <cstring>

#include "text.hpp"

namespace switchboard::plugin_host {
namespace {

tl::unexpected<std::string> wrong(std::string what) {
    return tl::unexpected<std::string>(std::move(what));
}

template <class T>
Checked<T> copy_of(const T* theirs, const char* type) {
    constexpr std::size_t kMost = 4096;
    const std::size_t size = theirs->struct_size;
    if (size < sizeof(T) || size > kMost || size % alignof(T) != 0)
        return wrong("the struct_size of its " + std::string(type) + " is " + std::to_string(size) +
                     ", and must be " + std::to_string(sizeof(T)) + " to " + std::to_string(kMost) +
                     ", in steps of " + std::to_string(alignof(T)));
    T mine{};
    std::memcpy(&mine, theirs, sizeof(T));
    return mine;
}

// Calls `use` with each element of an array, whose elements say themselves how large they are.
template <class T, class Use>
Checked<void> for_each(const T* first, std::size_t count, const char* type, Use use) {
    constexpr std::size_t kMost = 1000;
    if (count > kMost || (count > 0 && !first))
        return wrong("it claims " + std::to_string(count) + " elements of type " + type +
                     (first ? "" : ", and has none"));
    for (std::size_t i = 0; i < count; ++i) {
        const auto mine = copy_of(first, type);
        if (!mine) return tl::unexpected(mine.error());
        if (auto used = use(*mine, first); !used) return used;
        first =
            reinterpret_cast<const T*>(reinterpret_cast<const char*>(first) + first->struct_size);
    }
    return {};
}

Checked<std::string> name_of(const char* text, const std::string& what) {
    std::string name = one_line(text);
    if (name.empty()) return wrong(what + " has no name");
    if (!is_name(name))
        return wrong("the name \"" + name + "\" of " + what +
                     " must consist of a-z, 0-9, '-' and '_', 64 at most");
    return name;
}

Checked<OptionSpec::Type> type_of(int type) {
    switch (type) {
        case SB_TEXT: return OptionSpec::Type::text;
        case SB_FLAG: return OptionSpec::Type::flag;
        case SB_INTEGER: return OptionSpec::Type::integer;
        case SB_SIZE: return OptionSpec::Type::size;
        case SB_DURATION: return OptionSpec::Type::duration;
        case SB_ENDPOINT: return OptionSpec::Type::endpoint;
        case SB_CHOICE: return OptionSpec::Type::choice;
        default: return wrong("this program does not know type " + std::to_string(type));
    }
}

Checked<void> check_option(const OptionSpec& spec) {
    if (spec.least > spec.most) return wrong("its least value is above its most");
    if (spec.type == OptionSpec::Type::choice && spec.choices.empty())
        return wrong("it has no choices");
    if (!spec.fallback) return {};
    const auto fallback = Options().checked({spec});
    if (!fallback) return wrong("its fallback is invalid: " + fallback.error().message());
    return {};
}

Checked<OptionSpec> option_of(const sb_option& option, const std::string& name) {
    const auto type = type_of(option.type);
    if (!type) return tl::unexpected(type.error());
    OptionSpec spec{.name = name, .help = one_line(option.help), .type = *type};
    if (option.fallback) spec.fallback = option.fallback;
    spec.placeholder = one_line(option.placeholder);
    if (spec.type == OptionSpec::Type::choice) {
        for (const char* const* each = option.choices; each && *each; ++each)
            spec.choices.push_back(one_line(*each));
    }
    if (option.least != 0 || option.most != 0) {
        spec.least = option.least;
        spec.most = option.most;
    }
    if (auto checked = check_option(spec); !checked) return tl::unexpected(checked.error());
    return spec;
}

Checked<void> read_options(const sb_protocol& table, std::vector<OptionSpec>& to) {
    return for_each(
        table.options, table.option_count, "sb_option",
        [&](const sb_option& option, const sb_option*) -> Checked<void> {
            const auto name = name_of(option.name, "option " + std::to_string(to.size()));
            if (!name) return tl::unexpected(name.error());
            const auto same = [&](const OptionSpec& spec) { return spec.name == *name; };
            if (std::any_of(to.begin(), to.end(), same))
                return wrong("it has option " + *name + " twice");
            auto spec = option_of(option, *name);
            if (!spec) return wrong("option " + *name + ": " + spec.error());
            to.push_back(std::move(*spec));
            return {};
        });
}

Checked<void> check_state_size(std::size_t size) {
    if (size <= SB_MAX_STATE) return {};
    return wrong("its state_size is " + std::to_string(size) + ", and may be at most " +
                 std::to_string(SB_MAX_STATE));
}

Checked<void> read_protocol(const sb_protocol& table, ProtocolTable& to) {
    constexpr std::uint32_t kKnown = SB_ONE_REACTOR | SB_NEEDS_REACTOR | SB_THREADS;
    if ((table.flags & ~kKnown) != 0)
        return wrong("it has the flags " + std::to_string(table.flags & ~kKnown) +
                     ", which this program does not know");
    if (!table.stream && !table.datagrams) return wrong("it has no stream and no datagrams");
    if (table.stream) {
        const auto stream = read_stream(table.stream);
        if (!stream) return tl::unexpected(stream.error());
        to.stream = *stream;
    }
    if (table.datagrams) {
        const auto datagrams = read_datagrams(table.datagrams);
        if (!datagrams) return tl::unexpected(datagrams.error());
        to.datagrams = *datagrams;
    }
    to.table = table;
    to.summary = one_line(table.summary);
    return read_options(table, to.options);
}

Checked<void> read_protocols(const sb_plugin& table, std::vector<ProtocolTable>& to) {
    return for_each(
        table.protocols, table.protocol_count, "sb_protocol",
        [&](const sb_protocol& protocol, const sb_protocol* theirs) -> Checked<void> {
            const auto name = name_of(protocol.name, "protocol " + std::to_string(to.size()));
            if (!name) return tl::unexpected(name.error());
            const auto same = [&](const ProtocolTable& one) { return one.name == *name; };
            if (std::any_of(to.begin(), to.end(), same))
                return wrong("it has protocol " + *name + " twice");
            ProtocolTable read{};
            read.theirs = theirs;
            read.name = *name;
            if (auto done = read_protocol(protocol, read); !done)
                return wrong("protocol " + *name + ": " + done.error());
            to.push_back(std::move(read));
            return {};
        });
}

}  // namespace

Checked<sb_stream> read_stream(const sb_stream* theirs) {
    if (!theirs) return wrong("it has no stream");
    auto stream = copy_of(theirs, "sb_stream");
    if (!stream) return stream;
    if (!stream->on_data) return wrong("it has no on_data");
    if (auto checked = check_state_size(stream->state_size); !checked)
        return tl::unexpected(checked.error());
    return stream;
}

Checked<sb_datagrams> read_datagrams(const sb_datagrams* theirs) {
    auto datagrams = copy_of(theirs, "sb_datagrams");
    if (!datagrams) return datagrams;
    if (!datagrams->on_datagrams) return wrong("it has no on_datagrams");
    if (auto checked = check_state_size(datagrams->state_size); !checked)
        return tl::unexpected(checked.error());
    return datagrams;
}

Checked<PluginTables> read_tables(const sb_plugin& theirs) {
    const auto table = copy_of(&theirs, "sb_plugin");
    if (!table) return tl::unexpected(table.error());
    const auto name = name_of(table->name, "the plugin");
    if (!name) return tl::unexpected(name.error());
    PluginTables tables{.table = *table,
                        .name = *name,
                        .version = one_line(table->version),
                        .summary = one_line(table->summary),
                        .licence = one_line(table->licence),
                        .protocols = {}};
    if (tables.version.empty()) return wrong("it has no version");
    if (auto read = read_protocols(*table, tables.protocols); !read)
        return tl::unexpected(read.error());
    return tables;
}

}  // namespace switchboard::plugin_host
