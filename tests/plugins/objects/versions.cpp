// As version.c, in C++.
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <switchboard/plugin.hpp>

namespace {

using namespace switchboard;

// Tests write another number into the file. So an optimizing compiler must not make instructions of the text.
const char* volatile version_text = "version 000";

class Version final : public Protocol {
public:
    explicit Version(std::shared_ptr<const std::string> text) : text_(std::move(text)) {}
    void on_open(Connection& peer) override { peer.write(*text_); }
    std::size_t on_data(Connection& peer, MutableBytes in) override {
        peer.write_shared(std::make_shared<const std::string>(as_text(in)));
        return in.size();
    }

private:
    const std::shared_ptr<const std::string> text_;
};

Result<ProtocolFactory> make_version(const Options&, const ProtocolContext&) {
    return ProtocolFactory([text = std::make_shared<const std::string>(version_text)] {
        return std::make_unique<Version>(text);
    });
}

// Tests let it fail.
Result<void> check_version() {
    const char* const outcome = std::getenv("VERSION_CHECK");
    if (!outcome) return {};
    if (std::string_view(outcome) == "throws") throw std::runtime_error("thrown in check");
    return fail(errc::handler_failed, outcome);
}

}  // namespace

SWITCHBOARD_PLUGIN("version", "version 000", "sends its version") {
    registry.add({.name = "version", .summary = "sends its version", .make = make_version});
    plugin::set_check(check_version);
}
