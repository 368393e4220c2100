// The file of a plugin: which one it is, and whether dlopen(3) can survive it.
#pragma once

#include <sys/stat.h>
#include <cstdint>
#include <string>
#include <switchboard/error.hpp>

namespace switchboard::plugin_host {

// Tells files apart, and whether one was written to.
struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec modified{};
    std::uint64_t mapped = 0;  // bytes of addresses that dlopen(3) takes for it; 0: unknown

    bool same_file(const FileIdentity& other) const noexcept {
        return device == other.device && inode == other.inode;
    }
    bool same_content(const FileIdentity& other) const noexcept {
        return size == other.size && modified.tv_sec == other.modified.tv_sec &&
               modified.tv_nsec == other.modified.tv_nsec;
    }
};

// Checks that the file is a whole shared object for this machine: dlopen(3) of a truncated one ends the
// process with SIGBUS. Errors: errc::plugin_refused, or the error of the system, with the path in the
// context.
[[nodiscard]] Result<FileIdentity> check_file(const std::string& path);
// Whether the path leads to that file, with the same content.
bool is_still(const std::string& path, const FileIdentity& file) noexcept;

}  // namespace switchboard::plugin_host
