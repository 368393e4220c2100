// What both ends of a WebSocket do with any bytes does not depend on how the bytes are split, and a head that
// was read can be written again. The first byte of the input chooses the end and whether it has deflate.
#include <engine.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

#include "fuzz.hpp"

using namespace switchboard;
using namespace switchboard::websocket::detail;

namespace {

class FuzzEcho final : public websocket::Handler {
public:
    void on_message(websocket::Socket& socket, websocket::Kind kind,
                    MutableBytes message) override {
        fuzz::require(kind == websocket::Kind::binary || is_utf8(message), "text is valid UTF-8");
        fuzz::require(message.size() <= socket_limit, "a message is within its limit");
        socket.send(kind, message);
    }
    static constexpr std::size_t socket_limit = 4096;
};

ProtocolFactory ends(unsigned choice) {
    const auto settings = websocket::Settings::make({.deflate = {.from = 1},
                                                     .max_message = FuzzEcho::socket_limit,
                                                     .max_fragments = 8,
                                                     .mask = [] { return 0x12345678U; }});
    Opening opening{.role = (choice & 1U) != 0 ? Role::client : Role::server};
    if ((choice & 2U) != 0) {
        const bool takeover = (choice & 4U) != 0;
        opening.deflate = Agreed{.own_takeover = takeover, .peer_takeover = takeover};
    }
    return [shared = settings->shared(), opening] {
        return std::make_unique<Engine>(std::make_unique<FuzzEcho>(), shared, opening);
    };
}

void check_head(Bytes in, Role sender) {
    FrameHead head;
    if (parse_head(in, sender, true, head) != nullptr || head.size == 0) return;
    std::array<std::byte, kMaxHead> again{};
    const bool masked = sender == Role::client;
    fuzz::require(encode_head(again, head, masked) == head.size, "the size of a head");
    fuzz::require(std::equal(again.begin(), again.begin() + static_cast<std::ptrdiff_t>(head.size),
                             in.begin()),
                  "the bytes of a head");
}

std::string output_in_parts(const ProtocolFactory& factory, std::string_view input,
                            std::size_t part) {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(factory());
    while (!input.empty()) {
        peer.send(input.substr(0, part));
        input.remove_prefix(std::min(part, input.size()));
        driver.run();
    }
    peer.shutdown_write();
    driver.run();
    return peer.received();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto input = fuzz::as_text(data + 1, size - 1);
    check_head(as_bytes(input), Role::client);
    check_head(as_bytes(input), Role::server);
    const auto factory = ends(data[0]);
    const std::string whole =
        output_in_parts(factory, input, std::max<std::size_t>(input.size(), 1));
    fuzz::require(output_in_parts(factory, input, 3) == whole, "three bytes at a time");
    return 0;
}
