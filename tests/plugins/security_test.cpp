// What an encrypting layer knows reaches a plugin, in C and in C++.
#include <switchboard/layer.hpp>
#include <switchboard/security.hpp>
#include <switchboard/testing/memory.hpp>

#include "plugins.hpp"

using namespace switchboard;

namespace {

// Encrypts nothing, but says so.
class Agreeing final : public Layer {
public:
    Agreeing(std::unique_ptr<Protocol> above, Security agreed)
        : Layer(std::move(above)), agreed_(std::move(agreed)) {}
    std::optional<Security> security() const override { return agreed_; }

private:
    const Security agreed_;
};

const Security kNobody{.version = "TLSv1.2",
                       .cipher = "AES",
                       .protocol = "h2",
                       .server_name = "a.example",
                       .resumed = true};

Security somebody() {
    Security security = kNobody;
    security.resumed = false;
    Identity who{.subject = "CN=alice",
                 .names = {"DNS:b.example", "DNS:c.example"},
                 .der = std::vector<std::byte>(700)};
    who.fingerprint.back() = std::byte{0xfe};
    security.peer = std::make_shared<const Identity>(std::move(who));
    return security;
}

// What the plugin writes about a connection, which `command` asks for.
std::string told(const std::string& plugin, const std::string& command,
                 const std::optional<Security>& agreed) {
    const test::PluginFolder folder;
    test::PluginLog log;
    Registry registry;
    test::load_from(folder.copy(plugin, plugin), registry, log.sink());
    const ProtocolFactory above = test::factory_from(registry, plugin);
    testing::MemoryDriver driver;
    testing::MemoryPeer& peer = driver.connect([&]() -> std::unique_ptr<Protocol> {
        if (!agreed) return above();
        return std::make_unique<Agreeing>(above(), *agreed);
    });
    driver.run();
    if (!command.empty()) peer.take_received();
    peer.send(command);
    driver.run();
    return peer.received();
}

}  // namespace

TEST_CASE("plugins: security() has what an encrypting layer knows, in C and in C++") {
    // The plugin in C++ writes it by itself, and the one in C at a command.
    for (const std::string plugin : {"commands", "security"}) {
        CAPTURE(plugin);
        const std::string command = plugin == "commands" ? "!" : "";
        CHECK(told(plugin, command, {}) == "plain;");
        CHECK(told(plugin, command, kNobody) == "TLSv1.2 AES h2 a.example 1 nobody - 0 0;");
        CHECK(told(plugin, command, somebody()) ==
              "TLSv1.2 AES h2 a.example 0 CN=alice DNS:c.example 700 254;");
    }
}
