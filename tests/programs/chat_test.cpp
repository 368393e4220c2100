// The example chat, in a browser and from Python, with and without TLS.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <filesystem>

#include "browser.hpp"
#include "server.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

// The server, with a certificate if it is to use TLS.
class Chat {
public:
    explicit Chat(bool tls) {
        REQUIRE(mkdtemp(folder_.data()) != nullptr);
        std::vector<std::string> command = {example("chat"),
                                            SWITCHBOARD_SOURCE "/examples/chat/www"};
        if (tls) {
            const std::string cert = folder_ + "/cert.pem", key = folder_ + "/key.pem";
            const Finished made = support::run(
                {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                 "-addext", "subjectAltName=IP:127.0.0.1"});
            REQUIRE_MESSAGE(made.status == 0, made.errors);
            command.insert(command.end(), {"tcp://127.0.0.1:0", cert, key});
        }
        process_ = std::make_unique<Process>(std::move(command));
        const std::string line = process_->read_line();
        CHECK(line.starts_with(tls ? "listening on https://" : "listening on http://"));
        authority_ = line.substr(line.find("://"));
        tls_ = tls;
    }
    ~Chat() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Chat(const Chat&) = delete;
    Chat& operator=(const Chat&) = delete;

    std::string page() const { return (tls_ ? "https" : "http") + authority_ + "/"; }
    std::string room(const std::string& name) const {
        return (tls_ ? "wss" : "ws") + authority_ + "/rooms/" + name;
    }
    // Returns the document of a page after it has run for a while.
    std::string browse(const std::string& url) const {
        return programs::browse(url, folder_ + "/profile");
    }

private:
    std::string folder_ = "/tmp/switchboard-chat-XXXXXX", authority_;
    std::unique_ptr<Process> process_;
    bool tls_ = false;
};

Process::Setup member(const std::string& url, const std::string& compression,
                      const std::string& line, const std::string& answer) {
    return {.command = {"/usr/bin/python3", SWITCHBOARD_SOURCE "/tests/programs/chat_client.py",
                        url, compression, line, answer}};
}

}  // namespace

TEST_CASE("examples: chat between a browser and Python, with and without TLS") {
    for (const bool tls : {false, true}) {
        CAPTURE(tls);
        const Chat chat(tls);
        // The clock of the page does not wait for sockets, so a slow machine may need another try.
        const auto greets = [&] {
            Process python(member(chat.room("lobby"), "deflate", "hello", "hello, browser"));
            CHECK(python.read_line() == "joined with permessage-deflate");
            const std::string document = chat.browse(chat.page() + "#lobby=hello");
            return test::has(document,
                             "<li>somebody has come; members: 2</li><li>hello</li>"
                             "<li>hello, browser</li>");
        };
        CHECK(support::eventually(greets));
    }
}

TEST_CASE("examples: chat, rooms are apart, with and without compression") {
    for (const bool tls : {false, true}) {
        CAPTURE(tls);
        const Chat chat(tls);
        const std::string line = test::numbers(1'000), answer = test::numbers(3'000);
        Process listener(member(chat.room("a%20b"), "none", line, "got it"));
        Process other(member(chat.room("b"), "none", line, "never"));
        CHECK(listener.read_line() == "joined");
        CHECK(other.read_line() == "joined");
        Process speaker(
            member(chat.room("a%20b"), "deflate", "somebody has come; members: 2", line));
        const Finished spoke = speaker.wait();
        CHECK(spoke.output == "joined with permessage-deflate\ndone\n");
        CHECK(spoke.errors == "");
        CHECK(listener.wait().output == "done\n");
        Process last(member(chat.room("b"), "deflate", "somebody has come; members: 2", answer));
        CHECK(last.wait().output == "joined with permessage-deflate\ndone\n");
    }
}

TEST_CASE("examples: chat, a page of another site cannot join") {
    const Chat chat(false);
    const Finished asked = support::run(
        {"curl", "--silent", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", "-H",
         "Upgrade: websocket", "-H", "Connection: Upgrade", "-H", "Sec-WebSocket-Version: 13", "-H",
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "-H", "Origin: https://other.example",
         "http" + chat.room("a").substr(2)});
    CHECK(asked.output == "403");
}
