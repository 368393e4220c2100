#include "files/find_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <utility>

#include "router.hpp"

namespace switchboard::http::detail {
namespace {

// Opening a FIFO would block without O_NONBLOCK; for regular files it has no effect.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

class Descriptor {
public:
    explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

// Opens `name` in the directory `at`, or from the working directory on.
Descriptor open_in(int at, const std::string& name, int flags) noexcept {
    int fd = -1;
    do fd = ::openat(at, name.c_str(), kOpenFlags | flags);
    while (fd < 0 && errno == EINTR);
    return Descriptor(fd);
}

// Returns what a client is told. It does not learn that a name is a link, or too long.
unsigned status_of_errno(int error) noexcept {
    if (error == EACCES || error == EPERM) return 403;
    const bool lacks = error == EMFILE || error == ENFILE || error == ENOMEM;
    return lacks ? 503 : 404;
}

bool is_hidden(std::string_view part) noexcept {
    using namespace std::string_view_literals;
    return part.empty() || part.front() == '.' || part.find_first_of("/\\\0"sv) != part.npos;
}

// macOS names the member differently. Nanoseconds since 1970 fit in 64 bits for 292 years.
template <class Stat>
std::chrono::sys_time<std::chrono::nanoseconds> modified_at(const Stat& status) noexcept {
    const auto time_of = [](const auto& of) {
        if constexpr (requires { of.st_mtim; }) {
            return of.st_mtim;
        } else {
            return of.st_mtimespec;
        }
    };
    const timespec time = time_of(status);
    constexpr std::int64_t kMost = 9'000'000'000;
    const std::chrono::seconds seconds(std::clamp<std::int64_t>(time.tv_sec, -kMost, kMost));
    return std::chrono::sys_time<std::chrono::nanoseconds>(seconds) +
           std::chrono::nanoseconds(time.tv_nsec);
}

// Returns 200 if it is a regular file, and 301 if it is a directory.
unsigned inspect(Descriptor opened, OpenFile& into) {
    if (opened.get() < 0) return status_of_errno(errno);
    struct stat status {};
    if (::fstat(opened.get(), &status) < 0) return status_of_errno(errno);
    if (S_ISDIR(status.st_mode)) return 301;
    if (!S_ISREG(status.st_mode)) return 404;
    into.file = std::make_shared<const File>(opened.get());
    opened.release();  // not before: there may be no memory for the File
    into.size = static_cast<std::uint64_t>(status.st_size);
    into.modified = modified_at(status);
    return 200;
}

void find_gzip(int folder, FoundFile& found) {
    if (found.name.ends_with(".gz")) return;
    OpenFile small;
    if (inspect(open_in(folder, found.name + ".gz", O_NOFOLLOW), small) != 200) return;
    if (small.modified >= found.plain.modified) found.gzip = std::move(small);
}

}  // namespace

FoundFile find_file(const std::string& root, std::string_view path) {
    FoundFile found;
    Descriptor folder = open_in(AT_FDCWD, root, O_DIRECTORY);
    while (true) {
        if (folder.get() < 0) {
            found.status = status_of_errno(errno);
            return found;
        }
        const std::size_t slash = path.find('/');
        const bool index = path.empty();
        found.name = index ? "index.html" : percent_decoded(path.substr(0, slash));
        if (is_hidden(found.name)) return found;
        if (slash == path.npos) break;
        folder = open_in(folder.get(), found.name, O_DIRECTORY | O_NOFOLLOW);
        path.remove_prefix(slash + 1);
    }
    found.status = inspect(open_in(folder.get(), found.name, O_NOFOLLOW), found.plain);
    // A directory with that name is not one that a slash would lead to.
    if (found.status == 301 && path.empty()) found.status = 404;
    if (found.status == 200) find_gzip(folder.get(), found);
    return found;
}

int check_directory(const std::string& path) noexcept {
    return open_in(AT_FDCWD, path, O_DIRECTORY).get() < 0 ? errno : 0;
}

}  // namespace switchboard::http::detail
