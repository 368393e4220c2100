// The open descriptors of this process. /dev/fd exists on Linux, the BSDs and macOS.
#pragma once

#include <fcntl.h>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>

namespace switchboard::test {

// Returns the numbers of all open descriptors. Not a consistent snapshot if other threads open or close some.
inline std::set<int> open_descriptors() {
    std::set<int> found;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/fd"))
        found.insert(std::stoi(entry.path().filename().string()));
    // The directory itself had a descriptor, which is closed by now.
    std::erase_if(found, [](int fd) { return ::fcntl(fd, F_GETFD) < 0; });
    return found;
}

inline std::size_t count_descriptors() {
    return open_descriptors().size();
}

// Returns a text for messages, such as "7 (socket:[4711])".
inline std::string describe_descriptor(int fd) {
    std::error_code none;
    const auto target = std::filesystem::read_symlink("/dev/fd/" + std::to_string(fd), none);
    return std::to_string(fd) + (none ? "" : " (" + target.string() + ")");
}

}  // namespace switchboard::test
