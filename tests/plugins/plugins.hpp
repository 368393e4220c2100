// The plugins of objects/, each test with files of its own.
#pragma once

#include <doctest/doctest.h>
#include <filesystem>
#include <mutex>
#include <string>
#include <switchboard/plugin_host.hpp>
#include <vector>

#include "loopback.hpp"
#include "text.hpp"

namespace switchboard::test {

inline std::string plugin_path(const std::string& name) {
    return SWITCHBOARD_TEST_PLUGINS "/" + name + ".so";
}

// A folder for copies of plugins. A copy has an inode of its own, so it is loaded apart from the others.
class PluginFolder {
public:
    std::string path(const std::string& name) const { return folder_ / (name + ".so"); }
    std::string copy(const std::string& plugin, const std::string& name) const {
        std::filesystem::copy_file(plugin_path(plugin), path(name));
        return path(name);
    }

private:
    const TempDir folder_;
};

// Keeps what is logged, one line each.
class PluginLog {
public:
    LogSink sink() {
        return [this](LogLevel level, std::string_view text) {
            const std::lock_guard lock(mutex_);
            text_ += std::to_string(static_cast<int>(level)) + " " + std::string(text) + "\n";
        };
    }
    std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
};

// Returns the factory of a protocol, which must exist.
inline ProtocolFactory factory_from(const Registry& registry, const std::string& name,
                                    Options::Map options = {}) {
    auto made = registry.make(name, Options(std::move(options)), {});
    REQUIRE_MESSAGE(made, made.error().message());
    return *made;
}

// Loads a plugin of objects/ into the registry.
inline PluginInfo load_from(const std::string& path, Registry& registry, LogSink log = {}) {
    auto loaded = load_plugin(path, registry, std::move(log));
    REQUIRE_MESSAGE(loaded, loaded.error().message());
    return *loaded;
}

}  // namespace switchboard::test
