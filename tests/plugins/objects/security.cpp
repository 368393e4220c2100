// Writes what its connection has agreed on, as objects/commands.c does.
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/plugin.hpp>
#include <switchboard/security.hpp>

namespace {

using namespace switchboard;

std::string text_of(const Identity& who) {
    return who.subject + " " + who.names.back() + " " + std::to_string(who.der.size()) + " " +
           std::to_string(std::to_integer<int>(who.fingerprint.back()));
}

class Agreed final : public Protocol {
public:
    void on_open(Connection& peer) override {
        const auto agreed = peer.security();
        if (!agreed) return static_cast<void>(peer.write("plain;"));
        peer.write(agreed->version + " " + agreed->cipher + " " + agreed->protocol + " " +
                   agreed->server_name + (agreed->resumed ? " 1 " : " 0 ") +
                   (agreed->peer ? text_of(*agreed->peer) : "nobody - 0 0") + ";");
    }
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }
};

Result<ProtocolFactory> make_agreed(const Options&, const ProtocolContext&) {
    return ProtocolFactory(factory_of<Agreed>());
}

}  // namespace

SWITCHBOARD_PLUGIN("security", "1.0", "writes what TLS has agreed on") {
    registry.add(
        {.name = "security", .summary = "writes what TLS has agreed on", .make = make_agreed});
}
