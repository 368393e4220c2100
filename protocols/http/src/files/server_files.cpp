#include <algorithm>
#include <stdexcept>
#include <switchboard/http.hpp>
#include <system_error>

#include "files/answer_file.hpp"

namespace switchboard::http {
namespace {

// The path behind its first `slashes` slashes.
std::string_view behind_slashes(std::string_view path, std::size_t slashes) noexcept {
    for (; slashes > 0; --slashes) path.remove_prefix(path.find('/') + 1);
    return path;
}

void check_prefix(std::string_view prefix) {
    const bool named = prefix.find_first_of("{}") != prefix.npos;
    if (named || !prefix.starts_with('/'))
        throw std::invalid_argument("prefix \"" + std::string(prefix) + "\" of files" +
                                    (named ? " has a name" : " does not begin with \"/\""));
}

}  // namespace

Server& Server::files(std::string_view prefix, std::string directory) {
    check_prefix(prefix);
    if (const int error = detail::check_directory(directory); error != 0)
        throw std::invalid_argument("directory \"" + directory +
                                    "\": " + std::generic_category().message(error));
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    const auto slashes =
        static_cast<std::size_t>(std::count(prefix.begin(), prefix.end(), '/')) + 1;
    const auto answer = [=, root = std::move(directory), clock = options_.clock](
                            const Request& request, Response& response) {
        const std::string_view path = behind_slashes(request.path(), slashes);
        const auto now = clock ? clock() : std::chrono::system_clock::time_point::max();
        detail::answer_file(request, response, detail::find_file(root, path), now);
    };
    route("GET", std::string(prefix) + "/{path...}", answer);
    if (prefix.empty()) return *this;
    return route("GET", prefix, [](const Request& request, Response& response) {
        detail::answer_file(request, response, {.status = 301}, {});
    });
}

}  // namespace switchboard::http
