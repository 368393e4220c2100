// A key-value store, as the good protocol of these tests.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

#include <switchboard/testing/transcript.hpp>

namespace switchboard::test {

// Answers "put KEY VALUE" with "ok", and "get KEY" with the value or "none". Closes at "quit", and after ten
// seconds without a line. A line has at most 256 bytes.
class KeyValue : public Protocol {
public:
    void on_open(Connection& c) override { wait(c); }
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const std::string_view text = as_text(in);
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            if (in.size() > kMostLine) c.close(errc::message_too_large);
            return 0;
        }
        line(c, text.substr(0, end));
        return end + 1;
    }

protected:
    virtual void put(std::string key, std::string value) {
        store_[std::move(key)] = std::move(value);
    }
    virtual std::string get(const std::string& key) {
        const auto found = store_.find(key);
        return found == store_.end() ? "none" : found->second;
    }
    void line(Connection& c, std::string_view text) {
        wait(c);
        if (text.starts_with("put ")) {
            const auto space = text.find(' ', 4);
            if (space == std::string_view::npos) {
                c.write("error: put KEY VALUE\n");
                return;
            }
            put(std::string(text.substr(4, space - 4)), std::string(text.substr(space + 1)));
            c.write("ok\n");
        } else if (text.starts_with("get ")) {
            c.write(get(std::string(text.substr(4))) + "\n");
        } else if (text == "quit") {
            c.close();
        } else {
            c.write("error: put, get or quit\n");
        }
    }

private:
    static constexpr std::size_t kMostLine = 256;
    static void wait(Connection& c) { c.set_deadline(c.now() + std::chrono::seconds(10)); }

    std::map<std::string, std::string> store_;
};

inline std::vector<testing::Transcript> key_value_transcripts() {
    using testing::Transcript;
    return {
        Transcript("put, get")
            .send("put colour blue\n")
            .expect("ok\n")
            .send("get colour\nget size\n")
            .expect("blue\nnone\n")
            .end()
            .closes(),
        Transcript("nonsense")
            .send("hello\n")
            .expect("error: put, get or quit\n")
            .send("put x\n")
            .expect("error: put KEY VALUE\n"),
        Transcript("quit").send("quit\n").closes(),
        Transcript("silence").wait(std::chrono::seconds(10)).closes(std::errc::timed_out),
        Transcript("a line without end")
            .send(std::string(257, 'x'))
            .closes(errc::message_too_large),
        Transcript("long")
            .send("put k " + std::string(120, 'v') + "\nget k\n")
            .expect("ok\n" + std::string(120, 'v') + "\n"),
    };
}

}  // namespace switchboard::test
