// The rules of RFC 6455 for what a client may send, one row each.
#include <doctest/doctest.h>

#include "ends.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

struct Rule {
    std::string_view frames;
    unsigned code;
    const char* name;
};

#define X5 "7878787878"
#define X25 X5 X5 X5 X5 X5
#define X125 X25 X25 X25 X25 X25
#define X126 X125 "78"
constexpr Rule kRules[] = {
#include "rules_websocket.inc"
};

std::string unhex(std::string_view digits) {
    std::string bytes;
    for (std::size_t at = 0; at + 1 < digits.size(); at += 2)
        bytes += static_cast<char>(std::stoi(std::string(digits.substr(at, 2)), nullptr, 16));
    return bytes;
}

// Puts a mask of "KEYS" behind the length, and masks what follows.
std::string mask_frame(std::string bytes) {
    const unsigned form = static_cast<unsigned char>(bytes[1]) & 0x7fU;
    bytes[1] = static_cast<char>(static_cast<unsigned char>(bytes[1]) | 0x80U);
    const std::size_t head = form == 126 ? 4 : form == 127 ? 10 : 2;
    for (std::size_t i = head; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(bytes[i] ^ "KEYS"[(i - head) % 4]);
    return bytes.insert(head, "KEYS");
}

std::string input_of(std::string_view frames) {
    if (frames.starts_with('!')) return unhex(frames.substr(1));
    std::string input;
    while (!frames.empty()) {
        const auto one = frames.substr(0, frames.find('|'));
        input += mask_frame(unhex(one));
        frames.remove_prefix(std::min(frames.size(), one.size() + 1));
    }
    return input;
}

// Returns the code of the last frame of an output, which is a Close frame.
unsigned last_code(std::string output) {
    unsigned code = 0;
    while (!output.empty()) {
        websocket::detail::FrameHead head;
        REQUIRE(parse_head(as_bytes(output), Role::server, false, head) == nullptr);
        REQUIRE(head.size != 0);
        REQUIRE(output.size() >= head.size + head.length);
        REQUIRE(code == 0);  // nothing comes after a Close frame
        if (head.opcode == Opcode::close)
            code = static_cast<unsigned char>(output[head.size]) * 256U +
                   static_cast<unsigned char>(output[head.size + 1]);
        output.erase(0, head.size + static_cast<std::size_t>(head.length));
    }
    return code;
}

}  // namespace

TEST_CASE("WebSocket rules: each frame is answered as RFC 6455 says, at every split") {
    const ProtocolFactory factory = [] { return ws_end(nullptr); };
    for (const Rule& rule : kRules) {
        CAPTURE(std::string(rule.name));
        const std::string input = input_of(rule.frames) + client_close(1000);
        const auto outcome = testing::deliver(factory, input);
        CHECK(outcome.closed);
        CHECK(last_code(outcome.output) == (rule.code == 0 ? 1000 : rule.code));
        CHECK(bool(outcome.reason) ==
              (rule.code == 1002 || rule.code == 1007 || rule.code == 1009));
        CHECK(testing::check_deliveries(factory, input) == kNoFindings);
    }
}

TEST_CASE("WebSocket rules: a wrong frame ends the connection before its payload comes") {
    for (const Rule& rule : kRules) {
        if (rule.code < 1002 || rule.code == 1007 || rule.frames.size() > 24) continue;
        CAPTURE(std::string(rule.name));
        WsLog log;
        testing::MemoryDriver driver;
        auto& peer = driver.connect(ws_end(&log));
        peer.send(input_of(rule.frames));
        driver.run();
        if (rule.code == 1002 || rule.code == 1009) CHECK(last_code(peer.received()) == rule.code);
        CHECK(peer.saw_eof());
    }
}
