// A folder of files to serve.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <switchboard/http.hpp>

#include "http_servers.hpp"

namespace switchboard::test {

class FileTree {
public:
    FileTree() {
        std::string name = (std::filesystem::temp_directory_path() / "switchboard-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    FileTree(const FileTree&) = delete;
    FileTree& operator=(const FileTree&) = delete;
    ~FileTree() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }
    // Makes a file, and the folders above it, last changed at 1994-11-05 00:00:00.5, plus `age` seconds.
    void add(const std::string& name, const std::string& text, long age = 0) const {
        std::filesystem::create_directories((path_ / name).parent_path());
        std::ofstream(path_ / name, std::ios::binary) << text;
        const timespec time{783'993'600 + age, 500'000'000};
        const timespec both[] = {time, time};
        REQUIRE(::utimensat(AT_FDCWD, (path_ / name).c_str(), both, 0) == 0);
    }
    http::Server server(const std::string& prefix = "/") const {
        http::Server made(fixed_date());
        made.files(prefix, path_.string());
        return made;
    }

private:
    std::filesystem::path path_;
};

// Returns the value of a field of an answer, or "" without it.
inline std::string value_in(const std::string& answer, const std::string& name) {
    const auto at = answer.find("\r\n" + name + ": ");
    if (at == answer.npos || at > answer.find("\r\n\r\n")) return "";
    const auto start = at + name.size() + 4;
    return answer.substr(start, answer.find("\r\n", start) - start);
}

}  // namespace switchboard::test
