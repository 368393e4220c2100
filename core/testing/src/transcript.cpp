#include <fstream>
#include <iterator>
#include <switchboard/limits.hpp>
#include <switchboard/testing/transcript.hpp>

#include "text.hpp"

namespace switchboard::testing {
namespace {

// Reads the text form line by line.
class Parser {
public:
    explicit Parser(const std::string& file) : file_(file) {}

    Result<std::vector<Transcript>> parse(std::string_view text) {
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            ++line_;
            std::string mistake = line(text.substr(0, end));
            if (mistake.empty() && !all_.empty()) mistake = all_.back().mistake();
            if (!mistake.empty()) return wrong(mistake);
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return std::move(all_);
    }

private:
    tl::unexpected<Error> wrong(const std::string& mistake) const {
        return fail(std::make_error_code(std::errc::invalid_argument),
                    file_ + ":" + std::to_string(line_) + ": " + mistake);
    }

    // Each returns a mistake, or an empty text.
    std::string line(std::string_view text) {
        if (text.empty()) return {};
        if (text.starts_with("## ")) {
            all_.emplace_back(std::string(text.substr(3)));
            return {};
        }
        if (text[0] == '#') return {};
        if (all_.empty()) return "a step before the first line that begins with \"## \"";
        const std::size_t space = std::min(text.find(' '), text.size());
        const bool alone = space == text.size();
        return step(text.substr(0, space), alone ? "" : text.substr(space + 1), alone);
    }

    std::string step(std::string_view word, std::string_view rest, bool alone) {
        Transcript& last = all_.back();
        if (word == "closes") return closes(last, rest, alone);
        if (word == "end" || word == "reset" || word == "shutdown") {
            if (!alone) return "nothing may follow " + quoted(word);
            word == "end" ? last.end() : word == "reset" ? last.reset() : last.shutdown();
            return {};
        }
        if (word != ">" && word != "<" && word != "opens" && word != "wait")
            return "unknown step " + quoted(word);
        if (alone) return quoted(word) + " needs something after it";
        if (word == "wait") return wait(last, rest);
        std::string mistake;
        auto bytes = unescaped(rest, mistake);
        if (!bytes) return mistake;
        word == ">"   ? last.send(std::move(*bytes))
        : word == "<" ? last.expect(std::move(*bytes))
                      : last.opens(std::move(*bytes));
        return {};
    }

    static std::string wait(Transcript& last, std::string_view time) {
        const auto parsed = parse_duration(time);
        if (!parsed) return parsed.error().message();
        last.wait(*parsed);
        return {};
    }

    static std::string closes(Transcript& last, std::string_view name, bool alone) {
        if (alone) {
            last.closes();
            return {};
        }
        const auto why = error_named(name);
        if (!why) return "unknown error " + quoted(name) + "; known are " + error_names();
        last.closes(*why);
        return {};
    }

    const std::string& file_;
    std::size_t line_ = 0;
    std::vector<Transcript> all_;
};

}  // namespace

Transcript& Transcript::add(Step step) {
    const bool joins =
        step.kind == Kind::opens || step.kind == Kind::send || step.kind == Kind::expect;
    if (joins && !steps_.empty() && steps_.back().kind == step.kind) {
        steps_.back().bytes += step.bytes;
    } else {
        steps_.push_back(std::move(step));
    }
    return *this;
}

Transcript& Transcript::opens(std::string bytes) {
    return add({.kind = Kind::opens, .bytes = std::move(bytes)});
}
Transcript& Transcript::send(std::string bytes) {
    return add({.kind = Kind::send, .bytes = std::move(bytes)});
}
Transcript& Transcript::expect(std::string bytes) {
    return add({.kind = Kind::expect, .bytes = std::move(bytes)});
}
Transcript& Transcript::wait(std::chrono::nanoseconds time) {
    return add({.kind = Kind::wait, .time = time});
}
Transcript& Transcript::end() {
    return add({.kind = Kind::end});
}
Transcript& Transcript::reset() {
    return add({.kind = Kind::reset});
}
Transcript& Transcript::shutdown() {
    return add({.kind = Kind::shutdown});
}
Transcript& Transcript::closes(std::error_condition why) {
    return add({.kind = Kind::closes, .why = why});
}

std::string Transcript::mistake() const {
    bool ended = false;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        const Kind kind = steps_[i].kind;
        if (kind == Kind::opens && i > 0) return "opens must be the first step";
        if (i > 0 && steps_[i - 1].kind == Kind::closes) return "nothing may follow closes";
        if (i > 0 && steps_[i - 1].kind == Kind::reset && kind != Kind::closes)
            return "only closes may follow reset";
        if (kind == Kind::send && ended) return "the peer cannot send after its FIN";
        ended = ended || kind == Kind::end;
    }
    return {};
}

Result<std::vector<Transcript>> parse_transcripts(std::string_view text, const std::string& file) {
    return Parser(file).parse(text);
}

Result<std::vector<Transcript>> read_transcripts(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail_errno("read " + path);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.bad()) return fail_errno("read " + path);
    return parse_transcripts(text, path);
}

}  // namespace switchboard::testing
