#include <switchboard/callbacks.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/replies.hpp>

namespace switchboard {
namespace {

template <class P>
Result<ProtocolFactory> without_options(const Options&, const ProtocolContext&) {
    return factory_of<P>();
}

Result<ProtocolFactory> replier_of(const Options& options, const ProtocolContext&) {
    return factory_of<Replier>(std::uint64_t{options.size("work")});
}

}  // namespace

void register_replies(Registry& registry) {
    registry.add({.name = "lines",
                  .summary = "sends each line back when it is complete",
                  .make = without_options<LineEcho>});
    registry.add({.name = "frames",
                  .summary = "sends each message back: a 4-byte length, then that many bytes",
                  .make = without_options<FrameEcho>});
    registry.add({.name = "reply",
                  .summary = "replies to each message with the number of bytes it asks for",
                  .options = {{.name = "work",
                               .help = "steps of computing before each reply",
                               .type = OptionSpec::Type::size,
                               .fallback = "0",
                               .placeholder = "STEPS"}},
                  .make = replier_of});
}

}  // namespace switchboard
