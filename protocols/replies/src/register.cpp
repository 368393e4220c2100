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
                  .summary = "sends each line back once it is whole",
                  .options = {},
                  .make = without_options<LineEcho>});
    registry.add({.name = "frames",
                  .summary = "sends each message back: a length of 4 bytes, then so many bytes",
                  .options = {},
                  .make = without_options<FrameEcho>});
    registry.add({.name = "reply",
                  .summary = "answers each message with as many bytes as it asks for",
                  .options = "work=STEPS",
                  .make = replier_of});
}

}  // namespace switchboard
