#include <switchboard/callbacks.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/replies.hpp>

namespace switchboard {
namespace {

template <class P>
Result<ProtocolFactory> without_options(const Options& options, const ProtocolContext&) {
    return options.only({}).map([] { return factory_of<P>(); });
}

Result<ProtocolFactory> replier_of(const Options& options, const ProtocolContext&) {
    if (auto known = options.only({"work"}); !known) return tl::unexpected(known.error());
    return options.size("work", 0).map(
        [](std::size_t steps) { return factory_of<Replier>(std::uint64_t{steps}); });
}

}  // namespace

void register_replies(Registry& registry) {
    registry.add({.name = "lines",
                  .summary = "sends each line back when it is complete",
                  .options = {},
                  .make = without_options<LineEcho>});
    registry.add({.name = "frames",
                  .summary = "sends each message back: a 4-byte length, then that many bytes",
                  .options = {},
                  .make = without_options<FrameEcho>});
    registry.add({.name = "reply",
                  .summary = "replies to each message with the number of bytes it asks for",
                  .options = "work=STEPS",
                  .make = replier_of});
}

}  // namespace switchboard
