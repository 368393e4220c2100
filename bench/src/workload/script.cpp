#include "workload/script.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "base/files.hpp"
#include "base/parse.hpp"

namespace switchboard::bench {
namespace {

// One byte of a text, and whether it was escaped, so that it has no special meaning.
struct Letter {
    char byte;
    bool escaped;
};

Result<std::vector<Letter>> letters_of(const std::string& text) {
    std::vector<Letter> letters;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            letters.push_back({text[i], false});
            continue;
        }
        constexpr std::string_view kNames = "rnt0\\*{", kBytes("\r\n\t\0\\*{", 7);
        const char name = ++i < text.size() ? text[i] : '\0';
        if (const auto at = kNames.find(name); name != '\0' && at != std::string_view::npos) {
            letters.push_back({kBytes[at], true});
            continue;
        }
        unsigned value = 0;
        const char* const digits = text.data() + i + 1;
        const bool has_two = name == 'x' && text.size() - i > 2;
        if (!has_two || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2)
            return bad_option(R"(unknown escape in '{}'; available: \r \n \t \0 \\ \xHH)", text);
        letters.push_back({static_cast<char>(value), true});
        i += 2;
    }
    return letters;
}

Result<std::string> unescaped(const std::string& text) {
    return letters_of(text).map([](const std::vector<Letter>& letters) {
        std::string bytes;
        for (const Letter& letter : letters) bytes += letter.byte;
        return bytes;
    });
}

Result<std::string> file_bytes(const std::string& path) {
    std::error_code unknown;
    if (!std::filesystem::is_regular_file(path, unknown))
        return fail(std::make_error_code(std::errc::no_such_file_or_directory), "read " + path);
    return read_text(path);
}

}  // namespace

Result<ExpectedReply> ExpectedReply::parse(const std::string& text) {
    const auto empty = bad_option("empty reply in --expect '{}'", text);
    ExpectedReply reply;
    if (text.starts_with("size:")) {
        const auto size = parse_count(text.substr(5));
        if (!size) return tl::unexpected(size.error());
        if (*size == 0) return empty;
        reply.add({.skip = *size});
        return reply;
    }
    if (text.starts_with("until:") || text.starts_with("@") || !text.starts_with("pattern:")) {
        const bool is_until = text.starts_with("until:");
        auto bytes = text.starts_with("@") ? file_bytes(text.substr(1))
                                           : unescaped(is_until ? text.substr(6) : text);
        if (!bytes) return tl::unexpected(bytes.error());
        if (bytes->empty()) return empty;
        reply.add({.searches = is_until, .text = *std::move(bytes)});
        return reply;
    }
    const auto letters = letters_of(text.substr(8));
    if (!letters) return tl::unexpected(letters.error());
    Piece piece;
    for (std::size_t i = 0; i < letters->size(); ++i) {
        const auto [byte, escaped] = (*letters)[i];
        const bool is_star = byte == '*' && !escaped, is_brace = byte == '{' && !escaped;
        if (!is_star && !is_brace) {
            piece.text += byte;
            continue;
        }
        if (!piece.text.empty()) reply.add(std::exchange(piece, {}));
        if (is_star) {
            piece.searches = true;
            continue;
        }
        std::string count;
        while (++i < letters->size() && (*letters)[i].byte != '}') count += (*letters)[i].byte;
        const auto size = parse_count(count);
        if (!size || i == letters->size())
            return bad_option("invalid pattern '{}': {{N}} is a number of bytes", text);
        if (piece.searches) return bad_option("invalid pattern '{}': text must follow *", text);
        piece.skip += *size;
    }
    if (piece.searches && piece.text.empty())
        return bad_option("invalid pattern '{}': text must follow *", text);
    if (piece.skip > 0 || !piece.text.empty()) reply.add(std::move(piece));
    if (reply.pieces_.empty()) return empty;
    return reply;
}

void ExpectedReply::add(Piece piece) {
    std::vector<std::size_t>& borders = piece.borders;
    borders.assign(piece.text.size(), 0);
    for (std::size_t i = 1, border = 0; i < piece.text.size(); ++i) {
        while (border > 0 && piece.text[i] != piece.text[border]) border = borders[border - 1];
        if (piece.text[i] == piece.text[border]) ++border;
        borders[i] = border;
    }
    pieces_.push_back(std::move(piece));
}

ExpectedReply::Step ExpectedReply::match(Progress& progress, Bytes in) const {
    Step step;
    while (progress.piece < pieces_.size()) {
        const Piece& piece = pieces_[progress.piece];
        const std::size_t skips = std::min(piece.skip - progress.skipped, in.size() - step.used);
        progress.skipped += skips;
        step.used += skips;
        if (progress.skipped < piece.skip) return step;
        while (progress.matched < piece.text.size()) {
            if (step.used == in.size()) return step;
            const char byte = static_cast<char>(in[step.used]);
            std::size_t& matched = progress.matched;
            if (!piece.searches && byte != piece.text[matched]) return step;
            while (matched > 0 && byte != piece.text[matched]) matched = piece.borders[matched - 1];
            if (byte == piece.text[matched]) ++matched;
            ++step.used;
        }
        progress = {progress.piece + 1};
    }
    progress = {};
    step.is_whole = true;
    return step;
}

Result<std::string> parse_request(const std::string& text) {
    auto bytes = text.starts_with("@") ? file_bytes(text.substr(1)) : unescaped(text);
    if (bytes && bytes->empty()) return bad_option("empty request");
    return bytes;
}

Result<Script> make_script(const std::vector<std::string>& requests,
                           const std::vector<std::string>& replies) {
    if (replies.size() != 1 && replies.size() != requests.size())
        return bad_option(
            "{} --request and {} --expect: give one reply for each request, or one for all",
            requests.size(), replies.size());
    Script script;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        auto request = parse_request(requests[i]);
        if (!request) return tl::unexpected(request.error());
        auto reply = ExpectedReply::parse(replies[replies.size() == 1 ? 0 : i]);
        if (!reply) return tl::unexpected(reply.error());
        script.push_back({*std::move(request), *std::move(reply)});
    }
    return script;
}

Result<Script> read_script(const std::string& path) {
    const auto text = file_bytes(path);
    if (!text) return tl::unexpected(text.error());
    std::vector<std::string> requests, replies;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        const bool is_request = line.starts_with("> "), is_reply = line.starts_with("< ");
        if (!is_request && !is_reply)
            return bad_option("{}: a line must begin with '> ' or '< ': {}", path, line);
        (is_request ? requests : replies).push_back(line.substr(2));
        if (requests.size() - replies.size() > 1)
            return bad_option("{}: one '< ' line must follow each '> ' line", path);
    }
    if (requests.empty() || requests.size() != replies.size())
        return bad_option("{}: one '< ' line must follow each '> ' line", path);
    return make_script(requests, replies);
}

}  // namespace switchboard::bench
