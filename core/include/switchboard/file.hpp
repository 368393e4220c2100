// Files to send: an open descriptor, shared by all connections that still send from it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <switchboard/bytes.hpp>
#include <switchboard/error.hpp>

namespace switchboard {

// A file opened for reading. It is closed when its last owner releases it. Threading: thread-safe, because
// each read names its own offset.
class File {
public:
    // Opens a file (man 2 open). Errors: std::errc::is_a_directory for a directory.
    [[nodiscard]] static Result<std::shared_ptr<const File>> open(const std::string& path);
    explicit File(int descriptor) noexcept : fd_(descriptor) {}  // takes ownership
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File();

    int fd() const noexcept { return fd_; }
    [[nodiscard]] Result<std::uint64_t> size() const;  // man 2 fstat
    // Reads up to `to.size()` bytes from `offset` on, and returns how many (man 2 pread); 0: the file ends
    // there.
    [[nodiscard]] Result<std::size_t> read(std::uint64_t offset, MutableBytes to) const;

private:
    int fd_;
};

// The bytes [offset, offset + length) of a file. If the file turns out to be shorter, the connection that
// sends it is aborted with errc::file_too_short, so that the peer does not take a cut message for a complete
// one.
struct FileRange {
    std::shared_ptr<const File> file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

}  // namespace switchboard
