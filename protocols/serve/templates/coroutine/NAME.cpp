// A request is a line, and the reply is the same line in upper case. "quit" ends the connection.
#include <cctype>
#include <string>
#include <switchboard/coroutine.hpp>
#include <switchboard/plugin.hpp>

namespace {

constexpr std::size_t kMostLine = 8 * 1024;

// Each connection runs this function. The connection is closed when it returns.
switchboard::Task<> session(switchboard::Stream& peer) {
    for (;;) {
        const auto line = co_await peer.read_until("\n", kMostLine);
        if (!line) co_return;
        const auto text = switchboard::as_text(*line);
        if (text == "quit\n") co_return;
        std::string reply;
        for (const unsigned char each : text) reply += static_cast<char>(std::toupper(each));
        peer.write(reply);
    }
}

}  // namespace

SWITCHBOARD_PLUGIN("@NAME@", "0.1", "answers each line in upper case") {
    registry.add(
        {.name = "@NAME@",
         .summary = "answers each line in upper case",
         .make = [](const auto&, const auto&) { return switchboard::coroutine(session); }});
}
