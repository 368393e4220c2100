#include "files/gzip_answer.hpp"

#include <string>

#include "files/content_type.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

// Calls `use` with each field of a text of lines.
template <class Use>
void each_field(std::string_view lines, Use use) {
    while (!lines.empty()) {
        const std::size_t end = lines.find("\r\n");
        const std::string_view line = lines.substr(0, end);
        const std::size_t colon = line.find(':');
        use(Field{.name = line.substr(0, colon), .value = trimmed(line.substr(colon + 1))});
        lines.remove_prefix(end + 2);
    }
}

// Fields that say something about the very bytes of the body.
bool describes_bytes(std::string_view name) noexcept {
    return is_one_of(name, {"content-encoding", "content-range", "content-digest", "content-md5"});
}

bool may_compress(std::string_view lines) {
    bool compressible = false, fixed = false;
    each_field(lines, [&](const Field& field) {
        if (equals(field.name, "content-type")) compressible = is_compressible(field.value);
        fixed = fixed || describes_bytes(field.name);
    });
    return compressible && !fixed;
}

bool varies_already(std::string_view lines) {
    bool varies = false;
    each_field(lines, [&](const Field& field) {
        if (!equals(field.name, "vary")) return;
        each_element(field.value, [&](std::string_view name) {
            varies = varies || name == "*" || equals(name, "accept-encoding");
        });
    });
    return varies;
}

}  // namespace

bool suits_gzip(unsigned status, std::size_t size, HeadText& fields) {
    if (size < kLeastCompressed || size > kMostCompressed) return false;
    if (status == 204 || status == 206 || status == 304 || !may_compress(fields.text()))
        return false;
    if (!varies_already(fields.text())) fields.add_field("Vary", "Accept-Encoding");
    return true;
}

void mark_as_gzip(HeadText& fields) {
    const std::string lines(fields.text());
    fields.clear();
    each_field(lines, [&](const Field& field) {
        const bool strong = equals(field.name, "etag") && field.value.starts_with('"');
        fields.add_field(field.name, strong ? "W/" + std::string(field.value) : field.value);
    });
    fields.add_field("Content-Encoding", "gzip");
}

}  // namespace switchboard::http::detail
