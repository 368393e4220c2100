// The tables of a plugin, checked and copied into the structs that this program knows.
#pragma once

#include <switchboard/plugin.h>
#include <cstddef>
#include <optional>
#include <string>
#include <switchboard/options.hpp>
#include <tl/expected.hpp>
#include <vector>

namespace switchboard::plugin_host {

struct ProtocolTable {
    const sb_protocol* theirs;  // what configure() is given
    sb_protocol table;
    std::optional<sb_stream> stream;
    std::optional<sb_datagrams> datagrams;
    std::string name, summary;
    std::vector<OptionSpec> options;
};

struct PluginTables {
    sb_plugin table;
    std::string name, version, summary, licence;
    std::vector<ProtocolTable> protocols;
};

// Errors: what is wrong, as one line.
template <class T>
using Checked = tl::expected<T, std::string>;

// Members that this program does not know are left out. Structs that lack some that it knows are refused.
Checked<PluginTables> read_tables(const sb_plugin& theirs);
Checked<sb_stream> read_stream(const sb_stream* theirs);
Checked<sb_datagrams> read_datagrams(const sb_datagrams* theirs);

}  // namespace switchboard::plugin_host
