// Versions of the plugins objects/version.c and objects/versions.cpp.
#pragma once

#include <sys/stat.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "plugins.hpp"

namespace switchboard::test {

// "version 007"
inline std::string version_text(int number) {
    char text[32];
    std::snprintf(text, sizeof text, "version %03d", number);
    return text;
}

inline std::string read_whole(const std::string& path) {
    std::string content(std::filesystem::file_size(path), '\0');
    std::ifstream(path, std::ios::binary)
        .read(content.data(), static_cast<std::streamsize>(content.size()));
    return content;
}

// Puts version `number` of the plugin at `path`, as mv does: what was there stays as it is.
inline void install_version(const std::string& plugin, int number, const std::string& path) {
    std::string content = read_whole(plugin_path(plugin));
    const std::string original = version_text(0), text = version_text(number);
    std::size_t changed = 0;
    for (std::size_t at = 0; (at = content.find(original, at)) != content.npos; ++changed)
        content.replace(at, text.size(), text), at += text.size();
    REQUIRE(changed > 0);
    const std::string fresh = path + ".new";
    std::ofstream(fresh, std::ios::binary) << content;
    std::filesystem::rename(fresh, path);
}

// While it lives, check() of a version of objects/reactor.c logs "checking", and waits for open().
class CheckGate {
public:
    CheckGate() {
        REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
        ::setenv("REACTOR_CHECK", path_.c_str(), 1);
    }
    CheckGate(const CheckGate&) = delete;
    CheckGate& operator=(const CheckGate&) = delete;
    ~CheckGate() { ::unsetenv("REACTOR_CHECK"); }

    void open() const { CHECK(std::ofstream(path_).is_open()); }  // one that waits

private:
    const TempDir folder_;
    const std::string path_ = folder_ / "gate";
};

}  // namespace switchboard::test
