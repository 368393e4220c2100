// What the parser makes of a head does not depend on how it arrived. A head that it accepts has no characters
// that another parser could take for a line end, and is the same head when it is written again.
#include <head.hpp>

#include <algorithm>
#include <string>

#include "fuzz.hpp"

using namespace switchboard::http;
using namespace switchboard::http::detail;
namespace fuzz = switchboard::fuzz;

namespace {

bool same(const Field& a, const Field& b) {
    return a.name == b.name && a.value == b.value;
}

bool same(const Head& a, const Head& b) {
    return a.method == b.method && a.target == b.target && a.path == b.path && a.query == b.query &&
           a.host == b.host && a.upgrade == b.upgrade && a.length == b.length &&
           a.chunked == b.chunked && a.http10 == b.http10 && a.keep_alive == b.keep_alive &&
           a.expects_continue == b.expects_continue && a.count == b.count &&
           std::equal(a.fields().begin(), a.fields().end(), b.fields().begin(),
                      [](const Field& x, const Field& y) { return same(x, y); });
}

void check_clean(std::string_view text) {
    for (const char c : text)
        fuzz::require(c != '\r' && c != '\n' && c != '\0', "no line end and no NUL");
}

std::string written(const Head& head) {
    std::string text = std::string(head.method) + ' ' + std::string(head.target) +
                       (head.http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    for (const Field& field : head.fields())
        text += std::string(field.name) + ": " + std::string(field.value) + "\r\n";
    return text + "\r\n";
}

void check_accepted(const Head& head, const HttpLimits& limits) {
    for (const std::string_view text : {head.method, head.target, head.path, head.query, head.host})
        check_clean(text);
    for (const Field& field : head.fields()) {
        fuzz::require(!field.name.empty(), "names are not empty");
        check_clean(field.name);
        check_clean(field.value);
    }
    fuzz::require(!(head.chunked && head.length > 0), "one framing");
    const std::string text = written(head);
    std::size_t seen = 0;
    Head again;
    const Parsed parsed = parse_head(text, limits, seen, again);
    if (text.size() > limits.max_head) return;
    fuzz::require(parsed.refusal == 0 && parsed.used == text.size(), "it is valid once more");
    fuzz::require(same(head, again), "it is the same head");
}

// Parses the input as it grows.
Parsed parsed_in_parts(std::string_view in, const HttpLimits& limits, Head& head) {
    std::size_t seen = 0;
    for (std::size_t size = 1; size <= in.size(); ++size) {
        const Parsed parsed = parse_head(in.substr(0, size), limits, seen, head);
        if (parsed.used != 0 || parsed.refusal != 0) return parsed;
    }
    return {};
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string in(fuzz::as_text(data, size));
    const HttpLimits limits{.max_line = 256, .max_head = 1'024, .max_fields = 16};
    std::size_t seen = 0;
    Head whole, parts;
    const Parsed once = parse_head(in, limits, seen, whole);
    const Parsed grown = parsed_in_parts(in, limits, parts);
    const bool accepted = once.used != 0 && once.refusal == 0;
    fuzz::require(accepted == (grown.used != 0 && grown.refusal == 0), "accepted in parts, too");
    fuzz::require(once.refusal == grown.refusal, "refused in parts, too, with the same status");
    fuzz::require(once.used <= in.size(), "it uses what there is");
    if (!accepted) return 0;
    fuzz::require(once.used == grown.used && same(whole, parts), "the same head in parts");
    check_accepted(whole, limits);
    return 0;
}
