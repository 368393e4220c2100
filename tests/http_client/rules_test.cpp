// What the client makes of replies: which it refuses, and where each ends.
#include <doctest/doctest.h>

#include <reply_parser.hpp>

using namespace switchboard;
using http::detail::ReplyParser;
using http::detail::ReplyTo;

namespace {

struct Rule {
    template <std::size_t Size>
    constexpr Rule(const char (&text)[Size], std::string_view becomes, std::string_view from,
                   ReplyTo to = ReplyTo::other)
        : input(text, Size - 1), outcome(becomes), anchor(from), request(to) {}
    std::string_view input, outcome, anchor;
    ReplyTo request;
};

constexpr Rule kRules[] = {
#include "rules_reply.inc"
};

constexpr std::size_t kMaxHead = 4096;

// Feeds a parser and writes down what it says.
class Reading {
public:
    explicit Reading(ReplyTo request) { parser_.expect(request); }

    void take(std::string_view more) {
        unread_ += more;
        while (!over_) {
            const auto step = parser_.next(unread_);
            note(step);
            if (!over_ && step.used == 0 && step.event != ReplyParser::Event::head) break;
            unread_.erase(0, step.used);
        }
    }
    std::string end() {
        if (!over_ && parser_.ends_here()) finish("end by FIN");
        if (!over_) finish("incomplete");
        return std::exchange(outcome_, {});
    }

    // How many bytes are behind a reply that is whole.
    std::size_t left() const { return behind_ ? unread_.size() : 0; }

private:
    void note(const ReplyParser::Step& step) {
        switch (step.event) {
            case ReplyParser::Event::none: break;
            case ReplyParser::Event::head:
                outcome_ = std::to_string(parser_.head().status) +
                           (parser_.head().keep_alive ? " keep " : " close ");
                has_head_ = true;
                break;
            case ReplyParser::Event::data: body_ += step.data; break;
            case ReplyParser::Event::refused:
                return finish(std::string("refused: ") + parser_.refusal().why);
            case ReplyParser::Event::end:
                finish("end");
                if (!unread_.empty()) behind_ = true;
        }
    }
    void finish(const std::string& how) {
        over_ = true;
        if (has_head_) outcome_ += "'" + body_ + "' ";
        if (how == "end")
            for (const auto& [name, value] : parser_.trailers())
                outcome_ += name + "=" + value + " ";
        outcome_ += how;
    }

    ReplyParser parser_{kMaxHead};
    std::string unread_, outcome_, body_;
    bool has_head_ = false, over_ = false, behind_ = false;
};

// Delivers `input` in parts of `part` bytes, the first of which has `first` bytes.
std::string outcome_of(std::string_view input, std::size_t first, std::size_t part,
                       ReplyTo request = ReplyTo::other) {
    Reading reading(request);
    reading.take(input.substr(0, first));
    for (std::size_t at = first; at < input.size(); at += part)
        reading.take(input.substr(at, part));
    const std::size_t left = reading.left();
    std::string outcome = reading.end();
    if (left > 0) outcome += " +" + std::to_string(left);
    return outcome;
}

std::string whole(std::string_view input, ReplyTo request = ReplyTo::other) {
    return outcome_of(input, input.size(), 1, request);
}

std::string head_of(std::size_t size) {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    head.append(size - head.size() - 4, 'x');
    return head + "\r\n\r\n";
}

std::string repeated(const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

}  // namespace

TEST_CASE("http reply rules: each reply has its outcome") {
    for (const Rule& rule : kRules) {
        CAPTURE(rule.anchor);
        CAPTURE(std::string(rule.input));
        CHECK(whole(rule.input, rule.request) == rule.outcome);
    }
}

TEST_CASE("http reply rules: the outcome does not depend on how the bytes arrive") {
    for (const Rule& rule : kRules) {
        CAPTURE(std::string(rule.input));
        const std::string expected(rule.outcome.substr(0, rule.outcome.find(" +")));
        const auto without_rest = [](const std::string& text) {
            return text.substr(0, text.find(" +"));
        };
        for (std::size_t split = 0; split <= rule.input.size(); ++split)
            CHECK(without_rest(outcome_of(rule.input, split, rule.input.size() + 1,
                                          rule.request)) == expected);
        CHECK(without_rest(outcome_of(rule.input, 0, 1, rule.request)) == expected);
    }
}

TEST_CASE("http reply rules: limits of the head and of interim answers") {
    const std::string too_long = "refused: its head is longer than max_head";
    CHECK(whole(head_of(kMaxHead)) == "200 keep '' end");
    CHECK(whole(head_of(kMaxHead + 1)) == too_long);
    CHECK(outcome_of(head_of(kMaxHead + 1), 0, 1) == too_long);
    CHECK(whole("HTTP/1.1 200 " + std::string(kMaxHead, 'x')) == too_long);
    const std::string interim = "HTTP/1.1 102 Processing\r\n\r\n", last = head_of(60);
    CHECK(whole(repeated(interim, 8) + last) == "200 keep '' end");
    CHECK(whole(repeated(interim, 9) + last) == "refused: more than 8 interim answers");
}

TEST_CASE("http reply rules: one parser reads one reply after another") {
    ReplyParser parser(kMaxHead);
    for (int i = 0; i < 3; ++i) {
        const std::string reply =
            "HTTP/1.1 20" + std::to_string(i) +
            " X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nN: " + std::to_string(i) + "\r\n\r\n";
        parser.expect(ReplyTo::other);
        std::string_view rest = reply;
        for (auto step = parser.next(rest); step.event != ReplyParser::Event::end;
             step = parser.next(rest)) {
            REQUIRE(step.event != ReplyParser::Event::refused);
            rest.remove_prefix(step.used);
        }
        CHECK(rest.empty());
        CHECK(parser.head().status == 200U + static_cast<unsigned>(i));
        REQUIRE(parser.trailers().size() == 1);
        CHECK(parser.trailers()[0].second == std::to_string(i));
    }
}
