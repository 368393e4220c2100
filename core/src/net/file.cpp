#include <switchboard/file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

namespace switchboard {
namespace {

int open_for_reading(const std::string& path) {
    int fd = -1;
    do fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    return fd;
}

}  // namespace

Result<std::shared_ptr<const File>> File::open(const std::string& path) {
    const auto file = std::make_shared<File>(-1);  // before the open, because it may throw
    file->fd_ = open_for_reading(path);
    if (file->fd_ < 0) return fail_errno("open " + path);
    struct stat status {};
    if (::fstat(file->fd_, &status) < 0) return fail_errno("open " + path);
    // Opening a directory succeeds; only reading it fails, which is too late to report it here.
    if (S_ISDIR(status.st_mode))
        return fail(std::make_error_code(std::errc::is_a_directory), "open " + path);
    return file;
}

File::~File() {
    if (fd_ >= 0) ::close(fd_);
}

Result<std::uint64_t> File::size() const {
    struct stat status {};
    if (::fstat(fd_, &status) < 0) return fail_errno("fstat");
    return static_cast<std::uint64_t>(status.st_size);
}

Result<std::size_t> File::read(std::uint64_t offset, MutableBytes to) const {
    ssize_t got = -1;
    do got = ::pread(fd_, to.data(), to.size(), static_cast<off_t>(offset));
    while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("read");
    return static_cast<std::size_t>(got);
}

}  // namespace switchboard
