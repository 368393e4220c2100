#include "files/answer_file.hpp"

#include <algorithm>
#include <charconv>

#include "files/accept_encoding.hpp"
#include "files/conditions.hpp"
#include "files/content_type.hpp"
#include "files/range.hpp"
#include "router.hpp"

namespace switchboard::http::detail {
namespace {

std::string hexadecimal(std::uint64_t value) {
    std::array<char, 16> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, 16).ptr;
    return {text.data(), end};
}

// The path begins with one slash and a part that is not empty, so that the browser does not take the target
// for another host.
void redirect_to_slash(const Request& request, Response& response) {
    std::string target = std::string(request.path()) + "/";
    if (!request.query().empty()) target.append("?").append(request.query());
    response.field("Location", target);
    answer_status(response, 301);
}

// The time of the last change in nanoseconds, and the size. "z" keeps the tags of a file and of its
// compressed form apart.
std::string etag_of(const OpenFile& file, bool gzip) {
    const auto time = static_cast<std::uint64_t>(file.modified.time_since_epoch().count());
    return '"' + hexadecimal(time) + '-' + hexadecimal(file.size) + (gzip ? "z\"" : "\"");
}

void answer_range(const Request& request, Response& response, const OpenFile& file,
                  const Validators& current) {
    response.field("Accept-Ranges", "bytes");
    const auto value = single_field(request, "Range");
    const bool asked = value && request.method() == "GET" && range_applies(request, current);
    const ByteRange range = asked ? parse_range(*value, file.size) : ByteRange();
    const std::string of_size = "/" + std::to_string(file.size);
    if (range.kind == ByteRange::Kind::unsatisfiable) {
        response.field("Content-Range", "bytes *" + of_size);
        return response.status(416).send();
    }
    if (range.kind == ByteRange::Kind::whole)
        return response.send_file({.file = file.file, .offset = 0, .length = file.size});
    response.field("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                        std::to_string(range.first + range.length - 1) + of_size);
    response.status(206).send_file(
        {.file = file.file, .offset = range.first, .length = range.length});
}

}  // namespace

void answer_file(const Request& request, Response& response, FoundFile found,
                 std::chrono::system_clock::time_point now) {
    if (found.status == 301) return redirect_to_slash(request, response);
    if (found.status != 200) return answer_status(response, found.status);
    const bool gzip = found.gzip && accepts_gzip(request.fields());
    const OpenFile& file = gzip ? *found.gzip : found.plain;
    const std::string etag = etag_of(file, gzip);
    // Last-Modified must not be later than Date (RFC 9110, section 8.8.2.1).
    const auto changed = std::chrono::floor<std::chrono::system_clock::duration>(file.modified);
    const auto modified = std::chrono::floor<std::chrono::seconds>(std::min(changed, now));
    const Validators current{.etag = etag, .last_modified = modified};
    response.field("ETag", etag).field("Last-Modified", format_date(modified));
    if (found.gzip) response.field("Vary", "Accept-Encoding");
    const Condition condition = evaluate_conditions(request, current);
    if (condition == Condition::not_modified) return response.status(304).send();
    if (condition == Condition::failed) return answer_status(response, 412);
    if (gzip) response.field("Content-Encoding", "gzip");
    response.type(content_type_of(found.name));
    answer_range(request, response, file, current);
}

}  // namespace switchboard::http::detail
