#include <switchboard/inetd.hpp>

namespace switchboard {
namespace {

constexpr std::string_view kQuotes[] = {
    "A packet that arrives late is a memory; a packet that never arrives is an architecture.",
    "Every timeout is a guess about somebody else's afternoon.",
    "The network is reliable in the way that weather is dry: on average, somewhere.",
    "A buffer is a promise that someone will read it one day.",
    "He who sends without listening will learn of it by reset.",
    "Backpressure is how a machine says: one thing at a time, please.",
    "There are two hard things in a protocol: where a message ends, and who says so.",
    "The operator plugs the cord in; the callers believe the line was always there.",
    "A half-closed connection is still half a conversation.",
    "Byte order is the only argument both ends can win at once.",
    "Trust the length, but bound it first.",
    "An idle connection costs nothing until ten thousand of them agree.",
    "Retry is not a strategy; retry with jitter is half of one.",
    "The shortest route is the one whose cable nobody has dug up yet.",
    "Blocking is waiting in the queue; polling is asking whether you are in it.",
    "All sockets are equal until the descriptors run out.",
    "A checksum forgives nobody and accuses no one by name.",
    "Good servers die slowly: last call, lights on, everyone out, then the door.",
};

}  // namespace

std::string_view quote_of(WallTime day) {
    const auto days = std::chrono::floor<std::chrono::days>(day).time_since_epoch().count();
    constexpr auto count = static_cast<std::int64_t>(std::size(kQuotes));
    return kQuotes[static_cast<std::size_t>((days % count + count) % count)];
}

}  // namespace switchboard
