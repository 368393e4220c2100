#include "suite.hpp"

#include "../../core/testing/src/forwarding.hpp"

using namespace switchboard;

std::string Story::next() {
    for (int turn = 0; turn < 10'000; ++turn) {
        if (const auto line = journal_->next(0)) return *line;
        if (!driver_.pump()) return journal_->next(10'000).value_or("");
    }
    return "";
}

std::string Story::ending() {
    std::string line = next();
    while (!line.empty() && !line.starts_with("close")) line = next();
    return line;
}

ProtocolFactory Story::handler(Callbacks does) const {
    const std::shared_ptr<const Journal> j = journal_;
    const auto noting = [j](const char* name, std::function<void(Connection&)> then) {
        return [j, name, then = std::move(then)](Connection& c) {
            j->note(name);
            if (then) then(c);
        };
    };
    Callbacks all;
    all.on_open = noting("open", does.on_open);
    all.on_writable = does.on_writable;
    all.on_resume = noting("resume", does.on_resume);
    all.on_eof = noting(
        "eof", does.on_eof ? does.on_eof : [](Connection& c) { c.close(); });
    all.on_data = [j, then = does.on_data](Connection& c, MutableBytes in) {
        j->note("data");
        return then ? then(c, in) : in.size();
    };
    all.on_deadline = noting(
        "deadline", does.on_deadline ? does.on_deadline : [](Connection& c) {
            c.abort(std::make_error_code(std::errc::timed_out));
        });
    if (does.on_shutdown) {
        all.on_shutdown = [j, then = does.on_shutdown](Connection& c) {
            j->note("stop");
            then(c);
        };
    }
    all.is_busy = does.is_busy;
    all.on_close = [j, then = does.on_close](std::error_code reason) {
        j->note_close(reason);
        if (then) then(reason);
    };
    return callbacks([all] { return all; });
}

namespace {

class ReadsOn final : public testing::Forwarding {
public:
    using Forwarding::Forwarding;
    bool reads_under_backpressure() const noexcept override { return true; }
};

}  // namespace

ProtocolFactory reading_on(ProtocolFactory factory) {
    return [factory = std::move(factory)] { return std::make_unique<ReadsOn>(factory()); };
}

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return text;
}
