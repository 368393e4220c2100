// An echo as a plugin in C++, for `switchboard-bench cost`.
#include <switchboard/callbacks.hpp>
#include <switchboard/plugin.hpp>

namespace {

class Echo final : public switchboard::Protocol {
public:
    std::size_t on_data(switchboard::Connection& peer, switchboard::MutableBytes in) override {
        peer.write(in);
        return in.size();
    }
};

}  // namespace

SWITCHBOARD_PLUGIN("echo-cpp", "1.0", "an echo in C++") {
    registry.add(
        {.name = "echo-cpp",
         .summary = "sends its input back",
         .make = [](const auto&, const auto&) { return switchboard::factory_of<Echo>(); }});
}
