// A plugin of another project.
#include <cctype>
#include <switchboard/callbacks.hpp>
#include <switchboard/plugin.hpp>

namespace {

class Shout final : public switchboard::Protocol {
public:
    std::size_t on_data(switchboard::Connection& peer, switchboard::MutableBytes in) override {
        for (std::byte& each : in) each = std::byte(std::toupper(std::to_integer<int>(each)));
        peer.write(in);
        return in.size();
    }
};

}  // namespace

SWITCHBOARD_PLUGIN("shout", "1.0", "sends its input back in upper case") {
    registry.add(
        {.name = "shout",
         .summary = "sends its input back in upper case",
         .make = [](const auto&, const auto&) { return switchboard::factory_of<Shout>(); }});
}
