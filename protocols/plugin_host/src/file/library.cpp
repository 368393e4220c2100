#include "file/library.hpp"

#include <dlfcn.h>
#include <algorithm>
#include <climits>
#include <cstdlib>
#include <exception>
#include <vector>

#include "file/file.hpp"
#include "text.hpp"

namespace switchboard::plugin_host {
namespace {

using Entry = const sb_plugin* (*)(std::uint32_t);

struct Library {
    FileIdentity file;     // empty: it was refused, and only its spelling is taken
    std::string spelling;  // what dlopen(3) was given
    void* handle;
    std::unique_ptr<Plugin> plugin = {};  // null: it was refused
};
struct Libraries {
    std::mutex mutex;
    std::vector<Library> all;
};

// Never destroyed: threads and error codes of plugins may outlive main().
Libraries& libraries() {
    static auto& all = *new Libraries;
    return all;
}

tl::unexpected<Error> refused(const std::string& path, const std::string& why) {
    return fail(errc::plugin_refused, path + ": " + why);
}

Result<std::string> absolute(const std::string& path) {
    char* const found = ::realpath(path.c_str(), nullptr);
    if (!found) return fail_errno(path);
    std::string absolute = found;
    std::free(found);  // NOLINT(cppcoreguidelines-no-malloc): realpath(3) says so
    return absolute;
}

// dlopen(3) takes a path that it was given before for the same file, whatever is there now. So another file
// at that path gets another spelling: /dir/././p.so.
std::string spelling_of(const std::string& path, const std::vector<Library>& all) {
    const auto taken = [&](const std::string& spelling) {
        return std::any_of(all.begin(), all.end(),
                           [&](const Library& each) { return each.spelling == spelling; });
    };
    const std::size_t name = path.rfind('/') + 1;
    std::string spelling = path;
    while (taken(spelling)) spelling.insert(name, "./");
    return spelling;
}

std::string dl_problem(const std::string& spelling) {
    const char* const text = ::dlerror();
    std::string problem = text ? one_line(text) : "dlopen failed";
    if (problem.starts_with(spelling + ": ")) problem.erase(0, spelling.size() + 2);
    return problem;
}

Checked<const sb_plugin*> call_entry(Entry entry) {
    const auto failed = [](const std::string& why) { return tl::unexpected<std::string>(why); };
    try {
        const sb_plugin* const table = entry(SB_ABI);
        if (!table) return failed("switchboard_plugin() returned no table");
        return table;
    } catch (const std::exception& thrown) {
        return failed("switchboard_plugin() threw: " + one_line(thrown.what()));
    } catch (...) {
        return failed("switchboard_plugin() threw an unknown exception");
    }
}

// Reads only what is at the same place in each ABI.
Checked<void> check_version(const sb_plugin& table) {
    const std::uint32_t built = table.abi_version;
    const auto failed = [&](const std::string& why) {
        return tl::unexpected<std::string>("it was built for plugin ABI " + abi_text(built) +
                                           ", and this program has " + plugin_abi() + why);
    };
    if (built >> 16 != SB_ABI_MAJOR) return failed("");
    if (built != SB_ABI)
        return failed(
            "; while the major number is 0, both must be the same: build it again with the "
            "headers of this version");
    return {};
}

Checked<PluginTables> read_plugin(void* handle) {
    void* const symbol = ::dlsym(handle, "switchboard_plugin");
    if (!symbol)
        return tl::unexpected<std::string>("it has no switchboard_plugin(), so it is not a plugin");
    return call_entry(reinterpret_cast<Entry>(symbol))
        .and_then([](const sb_plugin* table) -> Checked<PluginTables> {
            if (auto checked = check_version(*table); !checked)
                return tl::unexpected(checked.error());
            return read_tables(*table);
        });
}

// Maps a file that is not in the list yet, and appends it.
Result<Library*> map_file(const std::string& path, const FileIdentity& file,
                          std::vector<Library>& all) {
    const std::string spelling = spelling_of(path, all);
    void* const handle = ::dlopen(spelling.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) return refused(path, dl_problem(spelling));
    // dlopen(3) looked the path up once more, and may have found another file, or one that it has mapped.
    const bool is_new = std::none_of(all.begin(), all.end(),
                                     [&](const Library& each) { return each.handle == handle; });
    const bool is_same = is_new && is_still(path, file);
    Library& mapped = all.emplace_back(Library{is_same ? file : FileIdentity(), spelling, handle});
    if (!is_same) return refused(path, "it changed while it was loaded");
    return &mapped;
}

// Null: it is not mapped.
Result<Library*> library_of(const std::string& path, const FileIdentity& file,
                            std::vector<Library>& all) {
    const auto known = std::find_if(all.begin(), all.end(),
                                    [&](const Library& each) { return each.file.same_file(file); });
    if (known == all.end()) return nullptr;
    if (!known->file.same_content(file))
        return refused(path,
                       "it was overwritten while it is mapped, so that its code may crash: install "
                       "a new version with rename, as mv and install do");
    return &*known;
}

struct Found {
    std::string path;
    FileIdentity file;
};

Result<Found> find_file(const std::string& given) {
    return absolute(given).and_then([](const std::string& path) {
        return check_file(path).map([&](const FileIdentity& file) { return Found{path, file}; });
    });
}

}  // namespace

Result<OpenPlugin> open_plugin(const std::string& given) {
    const auto found = find_file(given);
    if (!found) return tl::unexpected(found.error());
    const std::string& path = found->path;
    std::unique_lock lock(libraries().mutex);
    auto& all = libraries().all;
    const auto library = library_of(path, found->file, all).and_then([&](Library* known) {
        return known ? Result<Library*>(known) : map_file(path, found->file, all);
    });
    if (!library) return tl::unexpected(library.error());
    Library& opening = **library;
    if (opening.plugin) return OpenPlugin{std::move(lock), opening.plugin.get()};

    auto tables = read_plugin(opening.handle);
    if (!tables) return refused(path, tables.error());
    opening.plugin = std::make_unique<Plugin>(path, found->file, std::move(*tables));
    return OpenPlugin{std::move(lock), opening.plugin.get()};
}

Result<void> check_is_idle(const std::string& given) {
    const auto found = find_file(given);
    if (!found) return tl::unexpected(found.error());
    const std::lock_guard lock(libraries().mutex);
    const auto library = library_of(found->path, found->file, libraries().all);
    if (!library) return tl::unexpected(library.error());
    if (*library && (*library)->plugin && (*library)->plugin->is_running())
        return refused(found->path, "it is loaded already");
    return {};
}

}  // namespace switchboard::plugin_host
