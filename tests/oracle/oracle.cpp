// Known differences, in which llhttp 8.1 is not followed. In place of what it would misread, it gets another
// form of the same:
//
// | what we accept | llhttp | why we do |
// |---|---|---|
// | a method that it does not know, and PRI | refuses it | RFC 9110, 9.1: any token; the server answers 501 |
// | HTTP/1.2 to 1.9 | refuses it | RFC 9110, 2.5: read as HTTP/1.1 |
// | a tab behind a length or "chunked" | refuses it; in a reply, the body has another end | RFC 9110, 5.6.3 |
// | several chunk extensions, one with a value first | refuses them | RFC 9112, 7.1.1 |
// | a backslash in a quoted chunk extension | refuses it | RFC 9110, 5.6.4 |
// | 204 and 304 | reads a body if there is a length | RFC 9112, 6.3: they have none |
#include "oracle.hpp"

#include <chunks.hpp>
#include <head.hpp>
#include <reply_parser.hpp>

#include <algorithm>

#include "message.hpp"

namespace switchboard::oracle {
namespace {

using namespace http::detail;
using http::Field;

// Those that llhttp takes in HTTP.
bool knows_method(std::string_view method) {
    constexpr std::string_view kMethods[] = {
        "DELETE",     "GET",      "HEAD",  "POST",     "PUT",    "CONNECT",   "OPTIONS",
        "TRACE",      "COPY",     "LOCK",  "MKCOL",    "MOVE",   "PROPFIND",  "PROPPATCH",
        "SEARCH",     "UNLOCK",   "BIND",  "REBIND",   "UNBIND", "ACL",       "REPORT",
        "MKACTIVITY", "CHECKOUT", "MERGE", "M-SEARCH", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE",
        "PATCH",      "PURGE",    "LINK",  "UNLINK",   "SOURCE", "MKCALENDAR"};
    return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

// Appends lines, with spaces in place of tabs at their ends.
void add_lines(std::string& to, std::string_view lines) {
    to += lines;
    for (auto end = to.find("\r\n", to.size() - lines.size()); end != to.npos;
         end = to.find("\r\n", end + 2))
        for (auto at = end; at > 0 && (to[at - 1] == ' ' || to[at - 1] == '\t');) to[--at] = ' ';
}

// Appends a line before a chunk, without extensions that llhttp does not understand.
void add_chunk_line(std::string& to, std::string_view line) {
    const auto extensions = std::min(line.find(';'), line.size());
    const auto value = std::min(line.find('=', extensions), line.size());
    const bool strange = line.find('\\') != line.npos || line.find(';', value) != line.npos;
    to += strange ? std::string(line.substr(0, extensions)) + "\r\n" : std::string(line);
}

// Collects a body, and the bytes that it was read from.
struct BodyReader {
    Accepted& to;

    // Returns how many bytes of `in` were used.
    std::size_t read_chunks(std::string_view in) {
        Chunks chunks;
        std::size_t used = 0;
        while (!chunks.done()) {
            const auto piece = chunks.next(in.substr(used));
            if (piece.refused || piece.used == 0) return used;
            add(piece, in.substr(used, piece.used));
            used += piece.used;
        }
        to.end = End::here;
        return used;
    }
    // Only a line before a chunk has more than CR LF, but neither data nor a trailer.
    void add(const Chunks::Piece& piece, std::string_view bytes) {
        to.message.body += piece.data;
        if (!piece.trailer.empty()) {
            add_lines(to.bytes, bytes);
            const char* at = piece.trailer.data();
            Field field;
            if (parse_field(at, at + piece.trailer.size(), field))
                to.message.trailers.emplace_back(field.name, field.value);
        } else if (piece.data.empty() && bytes.size() > 2) {
            add_chunk_line(to.bytes, bytes);
        } else {
            to.bytes += bytes;
        }
    }
};

void add_head(Accepted& to, const Head& head, std::string_view text) {
    const bool known = knows_method(head.method);
    to.message.method = known ? head.method : "POST";
    to.message.target = head.target;
    to.message.http10 = head.http10;
    for (const Field& field : head.fields())
        to.message.fields.emplace_back(field.name, field.value);
    const auto method = static_cast<std::size_t>(head.method.data() - text.data());
    to.bytes = std::string(text.substr(0, method)) + to.message.method;
    add_lines(to.bytes, text.substr(method + head.method.size()));
}

std::string describe(const Message& message) {
    std::string text = message.method + " " + message.target + " " +
                       std::to_string(message.status) + (message.http10 ? " 1.0" : " 1.1");
    for (const auto* const list : {&message.fields, &message.trailers}) {
        text += " |";
        for (const auto& [name, value] : *list)
            text.append(" ").append(name).append("=").append(value);
    }
    return text + " | " + message.body;
}

std::string compare(const Accepted& ours) {
    std::string why;
    const Message theirs = ask_llhttp(ours, why);
    if (!why.empty()) return why;
    if (theirs == ours.message) return {};
    return "we read [" + describe(ours.message) + "], llhttp [" + describe(theirs) + "]";
}

std::string difference_in_requests(std::string_view in) {
    const http::HttpLimits limits;
    while (!in.empty()) {
        Head head;
        std::size_t seen = 0;
        const Parsed parsed = parse_head(in, limits, seen, head);
        if (parsed.used == 0 || parsed.refusal != 0) return {};
        Accepted ours;
        add_head(ours, head, in.substr(0, parsed.used));
        in.remove_prefix(parsed.used);
        BodyReader body{.to = ours};
        if (head.chunked) {
            in.remove_prefix(body.read_chunks(in));
        } else {
            ours.message.body = in.substr(0, head.length);
            ours.bytes += ours.message.body;
            if (head.length <= in.size()) ours.end = End::here;
            in.remove_prefix(ours.message.body.size());
        }
        if (auto found = compare(ours); !found.empty()) return found;
        if (ours.end != End::here || !head.keep_alive) return {};
    }
    return {};
}

// Reads one final reply, and interim ones before it.
class ReplyReader {
public:
    ReplyReader(ReplyTo request, std::string_view in) : request_(request), in_(in) {
        parser_.expect(request);
    }
    std::string difference() {
        for (;;) {
            const auto step = parser_.next(in_);
            if (step.event == ReplyParser::Event::end) ours_.end = End::here;
            if (step.event == ReplyParser::Event::refused || step.used == 0) break;
            const std::string_view used = in_.substr(0, step.used);
            in_.remove_prefix(step.used);
            if (auto found = take(step, used); !found.empty()) return found;
        }
        if (parser_.ends_here()) ours_.end = End::with_connection;
        return ours_.bytes.empty() ? "" : compare(ours_);
    }

private:
    std::string take(const ReplyParser::Step& step, std::string_view used) {
        if (step.event == ReplyParser::Event::head) {
            add_reply_head(used);
        } else if (ours_.bytes.empty()) {
            return compare_interim(used);
        } else {
            add_body(step, used);
        }
        return {};
    }
    // Of these our parser tells no more than where they end.
    static std::string compare_interim(std::string_view text) {
        Accepted ours{.end = End::here};
        ours.message.status = 100;
        add_lines(ours.bytes, text);
        std::string why;
        ask_llhttp(ours, why);
        return why;
    }
    void add_reply_head(std::string_view text) {
        const ReplyHead& head = parser_.head();
        ours_.message.status = head.status;
        ours_.message.http10 = text[7] == '0';
        for (const Field& field : head.fields)
            ours_.message.fields.emplace_back(field.name, field.value);
        ours_.has_body = request_ != ReplyTo::head && head.status != 204 && head.status != 304 &&
                         !(request_ == ReplyTo::connect && head.status / 100 == 2);
        add_lines(ours_.bytes, text);
    }
    void add_body(const ReplyParser::Step& step, std::string_view used) {
        ours_.message.body += step.data;
        const auto& trailers = parser_.trailers();
        if (trailers.size() > ours_.message.trailers.size()) {
            ours_.message.trailers.push_back(trailers.back());
            add_lines(ours_.bytes, used);
        } else if (step.data.empty() && used.size() > 2) {
            add_chunk_line(ours_.bytes, used);
        } else {
            ours_.bytes += used;
        }
    }

    const ReplyTo request_;
    std::string_view in_;
    ReplyParser parser_{64 * 1024};
    Accepted ours_;
};

}  // namespace

std::string difference(Input kind, std::string_view in) {
    if (kind == Input::requests) return difference_in_requests(in);
    return ReplyReader(static_cast<ReplyTo>(kind), in).difference();
}

}  // namespace switchboard::oracle
