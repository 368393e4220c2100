// The key-value store as a coroutine passes the same transcripts as the class.
#include <doctest/doctest.h>

#include <switchboard/coroutine.hpp>
#include <switchboard/testing/doctest.hpp>

#include "key_value.hpp"

using namespace switchboard;

namespace {

using KeyValueMap = std::map<std::string, std::string>;

std::string answer_of_session(KeyValueMap& store, std::string_view line) {
    if (line.starts_with("get ")) {
        const auto found = store.find(std::string(line.substr(4)));
        return found == store.end() ? "none\n" : found->second + "\n";
    }
    if (!line.starts_with("put ")) return "error: put, get or quit\n";
    const auto space = line.find(' ', 4);
    if (space == std::string_view::npos) return "error: put KEY VALUE\n";
    store[std::string(line.substr(4, space - 4))] = line.substr(space + 1);
    return "ok\n";
}

Task<> key_value_session(Stream& peer) {
    KeyValueMap store;
    for (;;) {
        peer.set_timeout(std::chrono::seconds(10));
        const auto line = co_await peer.read_until("\n", 256);
        if (!line) {
            if (line.error() != errc::end_of_input) peer.close(line.error());
            co_return;
        }
        const std::string_view text = as_text(*line).substr(0, line->size() - 1);
        if (text == "quit") co_return;
        peer.write(answer_of_session(store, text));
    }
}

}  // namespace

TEST_CASE("check: a coroutine passes the transcripts of the class") {
    CHECK_TRANSCRIPTS(coroutine(key_value_session), test::key_value_transcripts(),
                      {.most_runs = 500});
}
