// Protocols with one planted bug each. check() finds each of them, by the smallest delivery that shows it.
#include <doctest/doctest.h>

#include <array>
#include <stdexcept>
#include <switchboard/callbacks.hpp>
#include <switchboard/testing/check.hpp>

#include "key_value.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::KeyValue;
using testing::Report;
using testing::Transcript;

namespace {

// Returns the delivery and the problem of the only finding.
struct Found {
    std::string delivery, problem;
};

Found only_finding(const Report& report) {
    INFO(report);
    REQUIRE(report.findings.size() == 1);
    return {report.findings[0].delivery, report.findings[0].problem};
}

Found found_in(const ProtocolFactory& factory, Transcript transcript) {
    return only_finding(testing::check(factory, {std::move(transcript)}));
}

Transcript two_lines() {
    return Transcript("two lines").send("ab\n").expect("<ab>\n").send("cd\n").expect("<cd>\n");
}

// Answers each line, and closes at "quit". The bugs derive from it.
class Lines : public Protocol {
public:
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::size_t end = as_text(in).find('\n', searched_);
        searched_ = end == std::string_view::npos ? in.size() : 0;
        if (end == std::string_view::npos) return 0;
        line(c, as_text(in).substr(0, end));
        return end + 1;
    }
    virtual void line(Connection& c, std::string_view text) {
        if (text == "quit") return c.close();
        c.write("<" + std::string(text) + ">\n");
    }

private:
    std::size_t searched_ = 0;  // leading bytes without a line feed
};

class DropsWhatFollows final : public Lines {
    std::size_t on_data(Connection& c, MutableBytes in) override {
        return Lines::on_data(c, in) == 0 ? 0 : in.size();
    }
};

class DropsTheBegin final : public Lines {
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::size_t end = as_text(in).find('\n');
        if (end == std::string_view::npos) return in.size();
        line(c, as_text(in).substr(0, end));
        return end + 1;
    }
};

// Ends a message at CRLF, which it only sees within one read.
class WantsBothAtOnce final : public Lines {
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::size_t end = as_text(in).find("\r\n");
        text_ += as_text(in).substr(0, end);
        if (end == std::string_view::npos) return in.size();
        line(c, std::exchange(text_, {}));
        return end + 2;
    }
    std::string text_;
};

// Has room for a first and a last part, but not for a longer one between them.
class ForgetsTheMiddle final : public Lines {
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::size_t end = as_text(in).find('\n');
        const bool last = end != std::string_view::npos;
        if (last || text_.empty() || in.size() == 1) text_ += as_text(in).substr(0, end);
        if (last) line(c, std::exchange(text_, {}));
        return last ? end + 1 : in.size();
    }
    std::string text_;
};

class StaysAfterFin final : public Lines {
    void on_eof(Connection&) override {}
};

class WritesAfterClose final : public Lines {
    void line(Connection& c, std::string_view text) override {
        Lines::line(c, text);
        c.write("ok\n");
    }
};

// Throws if the server drains within a line.
class ShutDownWithinALine final : public Lines {
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::size_t used = Lines::on_data(c, in);
        waiting_ = used == 0;
        return used;
    }
    void on_shutdown(Connection&) override {
        if (waiting_) throw std::logic_error("within a line");
    }
    bool waiting_ = false;
};

// Counts all lines, of whatever connection.
class SharesState final : public Lines {
    void line(Connection& c, std::string_view) override { c.write(std::to_string(++count) + "\n"); }

public:
    static inline int count = 0;
};

// Stops for good when write() returns false.
class GivesUp final : public Lines {
    void line(Connection& c, std::string_view text) override {
        for (const char each : text)
            if (!c.write(std::string{each, '\n'})) return;
    }
};

// Reads on although nobody takes its replies, and writes on, too.
class NeverWaits final : public Lines {
    void line(Connection& c, std::string_view text) override {
        Lines::line(c, text);
        c.write(std::string(1'000, '.') + "\n");
    }
    bool reads_under_backpressure() const noexcept override { return true; }
};

// Takes an allocation that fails for the end, and then waits for a line that has been used.
class HidesNoMemory final : public KeyValue {
    void put(std::string key, std::string value) override {
        try {
            KeyValue::put(std::move(key), std::move(value));
        } catch (const std::bad_alloc&) {
            stuck_ = true;
        }
    }
    void on_eof(Connection& c) override {
        if (!stuck_) c.close();
    }
    void on_deadline(Connection&) override {}
    bool stuck_ = false;
};

class SmallBuffer final : public Lines {
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::size_t used = Lines::on_data(c, in);
        if (used == 0 && in.size() > line_.size()) throw std::out_of_range("line");
        return used;
    }
    std::array<char, 4096> line_{};
};

// Searches an unfinished line from its begin whenever a byte comes.
class ScansAgain final : public Lines {
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::size_t end = as_text(in).find('\n');
        if (end == std::string_view::npos) return 0;
        line(c, as_text(in).substr(0, end));
        return end + 1;
    }
};

// A layer made by hand. It keeps the last byte of each read, and passes it on too late: after the FIN.
class LateLayer final : public Protocol {
public:
    explicit LateLayer(std::unique_ptr<Protocol> above) : above_(std::move(above)) {}

    void on_open(Connection& c) override { above_->on_open(c); }
    std::size_t on_data(Connection& c, MutableBytes in) override {
        return in.size() == 1 ? 0 : above_->on_data(c, in.first(in.size() - 1));
    }
    void on_eof(Connection& c) override {
        above_->on_eof(c);
        std::byte last{'\n'};
        above_->on_data(c, {&last, 1});
    }
    void on_close(std::error_code why) noexcept override { above_->on_close(why); }

private:
    std::unique_ptr<Protocol> above_;
};

}  // namespace

TEST_CASE("planted: what follows a message is dropped (pipelined)") {
    const Found found = found_in(factory_of<DropsWhatFollows>(), two_lines());
    CHECK(found.delivery == "pipelined");
    CHECK(found.problem == "reply differs at 5: expected \"<cd>\\n\", got \"\"");
}

TEST_CASE("planted: the begin of a message is dropped (one cut)") {
    CHECK(found_in(factory_of<DropsTheBegin>(), two_lines()).delivery == "cut at 1");
}

TEST_CASE("planted: a delimiter of two bytes is seen only within one read (one cut between them)") {
    const Found found =
        found_in(factory_of<WantsBothAtOnce>(), Transcript("x").send("ab\r\n").expect("<ab>\n"));
    CHECK(found.delivery == "cut at 3");
}

TEST_CASE("planted: the middle of a message is dropped (two cuts)") {
    const Found found =
        found_in(factory_of<ForgetsTheMiddle>(), Transcript("x").send("abcd\n").expect("<abcd>\n"));
    CHECK(found.delivery == "cut at 1 and 3");
    CHECK(found.problem == "reply differs at 2: expected \"bcd>\\n\", got \"d>\\n\"");
}

TEST_CASE("planted: a connection that stays open after the FIN of its peer (FIN after 0 bytes)") {
    const Found found = found_in(factory_of<StaysAfterFin>(), two_lines());
    CHECK(found.delivery == "FIN after 0");
    CHECK(found.problem == "still open ten minutes after the peer had gone");
}

TEST_CASE("planted: a write after the close (whole)") {
    const Found found =
        found_in(factory_of<WritesAfterClose>(), Transcript("x").send("quit\n").closes());
    CHECK(found.delivery == "whole");
    CHECK(found.problem == "wrote after its own close, abort or shutdown_write");
}

TEST_CASE("planted: on_shutdown throws within a message (shutdown after its first byte)") {
    const Found found = found_in(factory_of<ShutDownWithinALine>(), two_lines());
    CHECK(found.delivery == "shutdown after 1");
    CHECK(found.problem == "on_shutdown threw: within a line");
}

TEST_CASE("planted: connections share a count (twice)") {
    const auto fresh = [] { return std::make_unique<SharesState>(); };
    SharesState::count = 0;
    const Found found = found_in(fresh, Transcript("x").send("a\n").expect("1\n"));
    CHECK(found.delivery == "twice");
    CHECK(found.problem == "reply differs at 0: expected \"1\\n\", got \"2\\n\"");
}

TEST_CASE("planted: a reply ends when write() returns false (slow peer)") {
    const Found found =
        found_in(factory_of<GivesUp>(), Transcript("x").send("abc\n").expect("a\nb\nc\n"));
    CHECK(found.delivery == "slow peer");
}

TEST_CASE("planted: replies are queued without a bound (deaf peer)") {
    const Found found =
        found_in(factory_of<NeverWaits>(),
                 Transcript("x").send("a\n").expect("<a>\n" + std::string(1'000, '.') + "\n"));
    CHECK(found.delivery == "deaf peer");
    CHECK(found.problem == "kept writing after write() returned false, until the queue was full");
}

TEST_CASE("planted: an allocation that fails is hidden (the number of this allocation)") {
    const std::string value(64, 'v');
    const Transcript put = Transcript("x").send("put a " + value + "\n").expect("ok\n");
    const Found found = found_in(factory_of<HidesNoMemory>(), put);
    CHECK(found.delivery == "allocation 3 fails");
    CHECK(found.problem == "still open ten minutes after the peer had gone");
    CHECK(testing::check(factory_of<KeyValue>(), {put}).findings.empty());
}

TEST_CASE("planted: a fixed buffer and no check of the length (oversize)") {
    const Found found = found_in(factory_of<SmallBuffer>(), two_lines());
    CHECK(found.delivery == "oversize");
    CHECK(found.problem == "on_data threw: line");
}

TEST_CASE("planted: an unfinished message is scanned again and again (scan cost)") {
    const Found found = found_in(factory_of<ScansAgain>(), two_lines());
    CHECK(found.delivery == "scan cost");
    CHECK(found.problem.starts_with("each byte of an unfinished message costs "));
}

TEST_CASE("planted: a layer passes on a byte after the end (FIN after 0 bytes)") {
    const auto layer = [](ProtocolFactory above) -> ProtocolFactory {
        return [above = std::move(above)] { return std::make_unique<LateLayer>(above()); };
    };
    const Found found =
        only_finding(testing::check_layer(layer, factory_of<Lines>(), {Transcript("x").send("a")}));
    CHECK(found.delivery == "FIN after 0");
    CHECK(found.problem == "order of callbacks: on_data after the end of the connection");
    const auto none = [](ProtocolFactory above) { return above; };
    CHECK(testing::check_layer(none, factory_of<Lines>(), {two_lines()}).findings.empty());
}
