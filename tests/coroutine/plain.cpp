#include "plain.hpp"

namespace switchboard::test {
namespace {

Task<Awaited<std::string>> line_of(Stream& peer) {
    const auto line = co_await peer.read_until("\n");
    if (!line) co_return tl::unexpected(line.error());
    co_return std::string(as_text(*line));
}

Task<> answers(Stream& peer) {
    peer.set_timeout(std::chrono::seconds(10));
    for (;;) {
        const auto line = co_await line_of(peer);
        if (!line) co_return;
        if (!peer.write("plain " + *line)) co_await peer.drain();
    }
}

Task<> stops(Stream& peer) {
    co_await peer.wait();
}

}  // namespace

ProtocolFactory plain_lines() {
    return coroutine([](Stream& peer) -> Task<> { co_await first_of(answers(peer), stops(peer)); });
}

Task<> plain_ask(Reactor& reactor, const Endpoint& server, std::string& answer) {
    const auto session = [](Stream& peer) -> Task<std::string> {
        peer.write("line\n");
        const auto line = co_await line_of(peer);
        co_return line.value_or("none");
    };
    const auto ask = [&]() -> Task<Result<std::string>> {
        co_return co_await converse(reactor, server, session);
    };
    const auto got = co_await within(reactor, std::chrono::seconds(10), ask());
    answer = got ? *got : got.error().message();
}

}  // namespace switchboard::test
