#include "files.hpp"

#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "programs.hpp"

namespace switchboard::bench {
namespace {

Result<void> find_writable_file(const std::string& path) {
    if (path.empty()) return {};
    if (path == "-") return fail(errc::bad_option, "write -: a file is asked for, not stdout");
    if (std::filesystem::is_directory(path)) {
        return fail(std::make_error_code(std::errc::is_a_directory), "write " + path);
    }
    if (access(path.c_str(), W_OK) == 0) return {};
    const auto folder = std::filesystem::absolute(path).parent_path();
    if (errno == ENOENT && access(folder.c_str(), W_OK | X_OK) == 0) return {};
    return fail_errno("write " + path);
}

// The same for all ways to write one, be it there or not.
std::filesystem::path canonical(const std::string& path) {
    const auto whole = std::filesystem::weakly_canonical(std::filesystem::absolute(path));
    return whole.has_filename() ? whole : whole.parent_path();
}

Result<void> find_folder(const std::string& path) {
    if (path.empty()) return {};
    if (std::filesystem::is_directory(path))
        return access(path.c_str(), W_OK | X_OK) == 0 ? Result<void>()
                                                      : fail_errno("write into " + path);
    if (std::filesystem::exists(path))
        return fail(std::make_error_code(std::errc::not_a_directory), "write into " + path);
    return find_writable_file(canonical(path).string());
}

}  // namespace

Result<void> find_writable(const std::vector<std::string>& files, const std::string& folder) {
    std::set<std::filesystem::path> seen;
    const auto check = [&](const std::string& path, const Result<void>& writable) -> Result<void> {
        if (!writable || path.empty()) return writable;
        if (seen.insert(canonical(path)).second) return {};
        return fail(errc::bad_option, "write " + path + ": it is given twice");
    };
    for (const std::string& file : files) {
        if (auto fits = check(file, find_writable_file(file)); !fits) return fits;
    }
    return check(folder, find_folder(folder));
}

// Through the stream's own operator, which is told of errors: an iterator would throw where a process has
// gone while its file in /proc is read.
std::string read_text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

Result<void> write_file(const std::string& path, const std::string& text) {
    if (path.empty()) return {};
    std::ofstream file(path);
    file << text;
    if (file.flush()) return {};
    return fail_errno("write " + path);
}

Result<void> print(const std::string& text) {
    if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return {};
    return fail_errno("write to stdout");
}

void Outputs::note(const Result<void>& written) {
    if (written) return;
    complain(written.error().message());
    all_written_ = false;
}

}  // namespace switchboard::bench
