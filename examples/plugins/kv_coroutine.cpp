// The store of kv.cpp as a coroutine. For brevity, each connection has a store of its own.
#include <map>
#include <switchboard/coroutine.hpp>
#include <switchboard/plugin.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

Task<> key_value(Stream& peer) {
    std::map<std::string, std::string, std::less<>> values;
    for (;;) {
        peer.set_timeout(10s);
        const auto read = co_await peer.read_until("\n");
        if (!read && read.error() != errc::end_of_input) peer.close(read.error());
        if (!read) co_return;
        const auto line = as_text(*read).substr(0, read->size() - 1);
        const auto space = line.find(' ', 4);
        if (line.starts_with("put ") && space != line.npos) {
            values[std::string(line.substr(4, space - 4))] = line.substr(space + 1);
            peer.write("ok\n");
        } else if (line.starts_with("get ")) {
            const auto found = values.find(line.substr(4));
            peer.write(found == values.end() ? "none\n" : found->second + "\n");
        } else {
            if (line == "quit") co_return;
            peer.write("error\n");
        }
    }
}

}  // namespace

SWITCHBOARD_PLUGIN("kv-coroutine", "1.0", "a key-value store") {
    const auto make = [](const auto&, const auto&) { return coroutine(key_value); };
    registry.add({.name = "kv-coroutine", .summary = "a key-value store", .make = make});
}
