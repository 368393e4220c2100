// A program of another project with serve_main().
#include <switchboard/callbacks.hpp>
#include <switchboard/serve.hpp>

namespace {

class Twice final : public switchboard::Protocol {
public:
    std::size_t on_data(switchboard::Connection& peer, switchboard::MutableBytes in) override {
        peer.write(in);
        peer.write(in);
        return in.size();
    }
};

}  // namespace

int main(int argc, char** argv) {
    switchboard::Registry registry;
    registry.add(
        {.name = "twice",
         .summary = "sends its input back twice",
         .make = [](const auto&, const auto&) { return switchboard::factory_of<Twice>(); }});
    return switchboard::serve_main(argc, argv, registry);
}
