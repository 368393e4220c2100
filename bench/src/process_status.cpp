#include "process_status.hpp"

#include <charconv>
#include <filesystem>
#include <iterator>

#include "files.hpp"

namespace switchboard::bench {
namespace {

namespace fs = std::filesystem;

std::string path_of(pid_t pid, const char* what) {
    return "/proc/" + std::to_string(pid) + "/" + what;
}

}  // namespace

std::optional<std::size_t> parse_status(std::string_view text, std::string_view name) {
    const std::string start = "\n" + std::string(name) + ":";
    const auto found = text.find(start);
    if (found == std::string_view::npos) return std::nullopt;
    text.remove_prefix(found + start.size());
    const auto digits = text.find_first_not_of(" \t");
    if (digits == std::string_view::npos) return std::nullopt;
    text = text.substr(digits, text.find('\n') - digits);
    std::size_t kibibytes = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), kibibytes);
    const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc() || unit != " kB") return std::nullopt;
    return kibibytes * 1024;
}

std::size_t status_bytes(pid_t pid, std::string_view name) {
    return parse_status(read_text(path_of(pid, "status")), name).value_or(0);
}

std::size_t count_descriptors(pid_t pid) {
    std::error_code gone;
    std::size_t count = 0;
    for (fs::directory_iterator entry(path_of(pid, "fd"), gone), end; !gone && entry != end;
         entry.increment(gone)) {
        ++count;
    }
    return count;
}

}  // namespace switchboard::bench
