#include "files/content_type.hpp"

#include <algorithm>
#include <array>

#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

struct TypeOfExtension {
    std::string_view extension, type;
};

// Ordered by extension. The types are those of IANA's registry, and "text/javascript" of RFC 9239.
constexpr std::array kTypes = std::to_array<TypeOfExtension>({
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar; charset=utf-8"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"m4a", "audio/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/vnd.wave"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
});
static_assert(std::is_sorted(kTypes.begin(), kTypes.end(), [](const auto& a, const auto& b) {
    return a.extension < b.extension;
}));

bool ends_with(std::string_view text, std::string_view small) noexcept {
    return text.size() >= small.size() && equals(text.substr(text.size() - small.size()), small);
}

}  // namespace

std::string_view content_type_of(std::string_view file_name) noexcept {
    const std::size_t dot = file_name.rfind('.');
    const auto extension = dot == file_name.npos ? std::string_view() : file_name.substr(dot + 1);
    for (const TypeOfExtension& each : kTypes)
        if (equals(extension, each.extension)) return each.type;
    return "application/octet-stream";
}

bool is_compressible(std::string_view content_type) noexcept {
    const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
    if (equals(type.substr(0, 5), "text/") || ends_with(type, "+json") || ends_with(type, "+xml"))
        return true;
    return is_one_of(type, {"application/json", "application/javascript", "application/xml",
                            "application/wasm", "application/x-javascript", "application/x-ndjson",
                            "image/bmp", "image/vnd.microsoft.icon", "font/otf", "font/ttf"});
}

}  // namespace switchboard::http::detail
