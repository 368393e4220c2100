// Finds and opens the file that a path names.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/file.hpp>

namespace switchboard::http::detail {

// An open regular file, and what fstat(2) said about it.
struct OpenFile {
    std::shared_ptr<const File> file = {};
    std::uint64_t size = 0;
    std::chrono::sys_time<std::chrono::nanoseconds> modified = {};
};

struct FoundFile {
    // 200: the file is open. 301: it is a directory. Otherwise the status to refuse the request with.
    unsigned status = 404;
    std::string name = {};              // without the directories
    OpenFile plain = {};                // open if the status is 200
    std::optional<OpenFile> gzip = {};  // "x.gz" beside it, unless it is older
};

// Opens the file below `root` that the parts of a path name. `path` is still percent-encoded and begins
// behind a slash. Each part is opened below the one before, and none may be a symbolic link, so that no name
// leads out of `root`, whatever changes meanwhile.
FoundFile find_file(const std::string& root, std::string_view path);

// Returns 0, or the errno of opening it as a directory.
int check_directory(const std::string& path) noexcept;

}  // namespace switchboard::http::detail
