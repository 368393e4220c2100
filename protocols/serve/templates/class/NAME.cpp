// A request is a line, and the reply is the same line in upper case. "quit" ends the connection.
#include <cctype>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/message_handler.hpp>
#include <switchboard/plugin.hpp>

namespace {

// Each connection has its own object. LineHandler limits the length of a line.
class Session final : public switchboard::LineHandler {
    void on_line(switchboard::Connection& peer, std::string_view line) override {
        if (line == "quit") return peer.close();
        std::string reply;
        for (const unsigned char each : line) reply += static_cast<char>(std::toupper(each));
        write_line(peer, reply);
    }
};

}  // namespace

SWITCHBOARD_PLUGIN("@NAME@", "0.1", "answers each line in upper case") {
    registry.add(
        {.name = "@NAME@",
         .summary = "answers each line in upper case",
         .make = [](const auto&, const auto&) { return switchboard::factory_of<Session>(); }});
}
