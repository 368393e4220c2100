// Files that are sent: an open descriptor, shared by those who still send from it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <switchboard/error.hpp>

namespace switchboard {

// A file opened for reading, closed with its last owner. Thread-safe: reads name their offset.
class File {
public:
    static Result<std::shared_ptr<const File>> open(const std::string& path);  // man 2 open
    explicit File(int descriptor) noexcept : fd_(descriptor) {}                // takes it over
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File();

    int fd() const noexcept { return fd_; }
    Result<std::uint64_t> size() const;  // man 2 fstat

private:
    int fd_;
};

// Bytes [offset, offset + length) of a file. A file that turns out shorter aborts the connection
// that sends it with errc::file_too_short: the peer must not take a cut message for a whole one.
struct FileRange {
    std::shared_ptr<const File> file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

}  // namespace switchboard
