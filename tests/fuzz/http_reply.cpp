// What the client makes of any bytes does not depend on how they are split, and neither does what gzip
// becomes. The first byte of the input chooses the request.
#include <gunzip.hpp>
#include <reply_parser.hpp>

#include <string>

#include "fuzz.hpp"

using namespace switchboard;
using namespace switchboard::http::detail;

namespace {

// Two replies on one connection, written down.
class Reader {
public:
    explicit Reader(ReplyTo request) : request_(request) { parser_.expect(request); }

    void take(std::string_view more) {
        unread_ += more;
        while (!over_) {
            const auto step = parser_.next(unread_);
            fuzz::require(step.used <= unread_.size(), "no more is used than there is");
            note(step);
            unread_.erase(0, step.used);
            if (step.used == 0 && step.event == ReplyParser::Event::none) break;
        }
    }
    std::string end() { return seen_ + body_ + (over_ ? "" : parser_.ends_here() ? "|" : "?"); }

private:
    void note(const ReplyParser::Step& step) {
        switch (step.event) {
            case ReplyParser::Event::none: break;
            case ReplyParser::Event::head:
                seen_ +=
                    std::to_string(parser_.head().status) + (parser_.head().keep_alive ? "k" : "c");
                for (const auto& [name, value] : parser_.head().fields)
                    seen_.append(name).append("=").append(value);
                break;
            case ReplyParser::Event::data: body_ += step.data; break;
            case ReplyParser::Event::refused:
                seen_ += parser_.refusal().why;
                over_ = true;
                break;
            case ReplyParser::Event::end:
                for (const auto& [name, value] : parser_.trailers()) seen_ += name + "=" + value;
                over_ = replies_++ > 0;
                if (!over_) parser_.expect(request_);
        }
    }

    const ReplyTo request_;
    ReplyParser parser_{1024};
    std::string unread_, seen_, body_;
    int replies_ = 0;
    bool over_ = false;
};

std::string read_in_parts(std::string_view input, ReplyTo request, std::size_t part) {
    Reader reader(request);
    for (std::size_t at = 0; at < input.size(); at += part) reader.take(input.substr(at, part));
    return reader.end();
}

// Returns what the input becomes, "malformed", or "much" for more than a fuzzer has time for.
std::string gunzip_in_parts(std::string_view input, std::size_t part) {
    constexpr std::size_t kMost = 1'000'000;
    Gunzip gunzip;
    std::string out;
    for (std::size_t at = 0; at < input.size(); at += part) {
        gunzip.add(as_bytes(input.substr(at, part)));
        Bytes piece;
        for (auto outcome = gunzip.next(piece); outcome != Gunzip::Outcome::needs_more;
             outcome = gunzip.next(piece)) {
            if (outcome == Gunzip::Outcome::malformed) return "malformed";
            out += as_text(piece);
            if (out.size() > kMost) return "much";
        }
    }
    return out;
}

void check_gzip(std::string_view input) {
    const std::string whole = gunzip_in_parts(input, std::max<std::size_t>(input.size(), 1));
    const std::string parts = gunzip_in_parts(input, 3);
    fuzz::require(whole == parts || whole == "much" || parts == "much", "gzip in parts");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto input = fuzz::as_text(data + 1, size - 1);
    const std::size_t whole = std::max<std::size_t>(input.size(), 1);
    if (data[0] % 4 == 3) {
        check_gzip(input);
        return 0;
    }
    const auto request = static_cast<ReplyTo>(data[0] % 4);
    const std::string outcome = read_in_parts(input, request, whole);
    fuzz::require(read_in_parts(input, request, 1) == outcome, "byte by byte");
    fuzz::require(read_in_parts(input, request, 3) == outcome, "three bytes at a time");
    return 0;
}
