#include "base/files.hpp"

#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

#include "base/no_sigpipe.hpp"
#include "base/parse.hpp"

namespace switchboard::bench {

namespace fs = std::filesystem;

namespace {

// Whether the file is replaced as a whole. Anything but a regular file, such as a pipe, is written into.
bool is_replaced(const fs::path& path) {
    if (path.string().starts_with("/dev/") || path.string().starts_with("/proc/")) return false;
    std::error_code unknown;
    const auto status = fs::status(path, unknown);
    return !fs::exists(status) || fs::is_regular_file(status);
}

// Resolves symbolic links.
fs::path target_of(const std::string& path) {
    std::error_code unknown;
    const fs::path whole = fs::weakly_canonical(fs::absolute(path), unknown);
    return unknown ? fs::path(path) : whole;
}

Result<void> find_writable_file(const std::string& path) {
    if (path.empty() || is_stdout(path)) return {};
    std::error_code unknown;
    if (fs::is_directory(path, unknown))
        return fail(std::make_error_code(std::errc::is_a_directory), "write " + path);
    const auto folder = target_of(path).parent_path();
    if (access(path.c_str(), W_OK) == 0) return {};
    if (errno == ENOENT && access(folder.c_str(), W_OK | X_OK) == 0) return {};
    return fail_errno("write " + path);
}

// Returns the same path for all spellings of one file, whether or not it exists.
fs::path canonical(const std::string& path) {
    if (is_stdout(path)) return "/dev/stdout";
    if (!is_replaced(path)) return path;
    const fs::path whole = target_of(path);
    return whole.has_filename() ? whole : whole.parent_path();
}

Result<void> write_into(const std::string& path, const std::string& text) {
    std::ofstream file(path, is_replaced(path) ? std::ios::trunc : std::ios::app);
    file << text;
    if (file.flush()) return {};
    return fail_errno("write " + path);
}

// Writes a new file and renames it, so that a reader sees the old file or the new one, complete.
Result<void> replace(const fs::path& path, const std::string& text) {
    std::error_code failed;
    const fs::path fresh = path.string() + "." + std::to_string(getpid()) + ".new";
    if (write_into(fresh.string(), text)) {
        const auto status = fs::status(path, failed);
        if (fs::exists(status)) fs::permissions(fresh, status.permissions(), failed);
        fs::rename(fresh, path, failed);
        if (!failed) return {};
    } else {
        failed = {errno, std::system_category()};
    }
    std::error_code ignored;
    fs::remove(fresh, ignored);
    return fail(failed, "write " + path.string());
}

Result<void> find_folder(const std::string& path) {
    if (path.empty()) return {};
    if (fs::is_directory(path))
        return access(path.c_str(), W_OK | X_OK) == 0 ? Result<void>()
                                                      : fail_errno("write into " + path);
    if (fs::exists(path))
        return fail(std::make_error_code(std::errc::not_a_directory), "write into " + path);
    return find_writable_file(canonical(path).string());
}

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

Result<void> find_writable(const std::vector<std::string>& files, const std::string& folder) {
    std::set<fs::path> seen;
    const auto check = [&](const std::string& path, const Result<void>& writable) -> Result<void> {
        if (!writable || path.empty()) return writable;
        if (seen.insert(canonical(path)).second) return {};
        return bad_option("the output {} is given more than once", path);
    };
    for (const std::string& file : files) {
        if (auto fits = check(file, find_writable_file(file)); !fits) return fits;
    }
    return check(folder, find_folder(folder));
}

// Uses the stream's own operator, which reports errors. An iterator would throw if a process ends while its
// file in /proc is read.
std::string read_text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

bool is_stdout(const std::string& path) {
    return path == "-" || path == "/dev/stdout";
}

Result<void> write_file(const std::string& path, const std::string& text) {
    if (path.empty()) return {};
    if (is_stdout(path)) return print(text);
    const NoSigpipe guard;
    const fs::path target = target_of(path);
    const bool is_file = is_replaced(path);
    return is_file && access(target.parent_path().c_str(), W_OK | X_OK) == 0
               ? replace(target, text)
               : write_into(path, text);
}

Result<void> print(const std::string& text, std::FILE* to) {
    const NoSigpipe guard;
    if (std::fputs(text.c_str(), to) >= 0 && std::fflush(to) == 0) return {};
    return fail_errno(to == stdout ? "write to stdout" : "write to stderr");
}

void Outputs::note(const Result<void>& written) {
    if (written) return;
    print_error(written.error());
    all_written_ = false;
}

std::string own_folder() {
    std::error_code error;
    return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string own_command_line() {
    std::string text = read_text("/proc/self/cmdline");
    if (!text.empty()) text.pop_back();
    std::ranges::replace(text, '\0', ' ');
    return text;
}

std::size_t descriptor_limit() {
    rlimit limit{};
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : 1024;
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

Result<void> check_connections(std::size_t connections) {
    constexpr std::size_t kOther = 64;
    const std::size_t most = descriptor_limit() - std::min(descriptor_limit(), kOther);
    if (connections <= most) return {};
    return bad_option(
        "{} connections: the descriptor limit is {} (ulimit -Hn), so at most {} are possible",
        connections, descriptor_limit(), most);
}

int print_error(const std::string& what) {
    std::fprintf(stderr, "switchboard-bench: %s\n", what.c_str());
    return 1;
}

int print_error(const Error& error) {
    print_error(words_of(error));
    return error == errc::bad_option ? 2 : 1;
}

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool is_interrupted() noexcept {
    return interrupted != 0;
}

}  // namespace switchboard::bench
