// A client with time-outs: asks several servers at once, and waits at most half a second for each.
#include <iostream>
#include <switchboard/reactor_coroutine.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// Sends a line and reads one.
Task<Result<std::string>> ask(Reactor& reactor, Endpoint server, std::string question) {
    const auto session = [&question](Stream& peer) -> Task<std::string> {
        peer.write(question + "\n");
        const auto line = co_await peer.read_until("\n");
        if (!line) co_return line.error().message() + "\n";
        co_return std::string(as_text(*line));
    };
    co_return co_await converse(reactor, server, session);
}

Task<> ask_and_print(Reactor& reactor, std::string server, std::string question) {
    const auto endpoint = Endpoint::parse(server);
    if (!endpoint) {
        std::cout << endpoint.error().message() << std::endl;
        co_return;
    }
    const auto answer = co_await within(reactor, 500ms, ask(reactor, *endpoint, question));
    std::cout << server << ": " << (answer ? *answer : answer.error().message() + "\n")
              << std::flush;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return std::cerr << "usage: ask QUESTION SERVER...\n", 2;
    Reactor reactor;
    Tasks tasks(reactor);
    for (int i = 2; i < argc; ++i) tasks.start(ask_and_print(reactor, argv[i], argv[1]));
    reactor.run();  // until all have answered, or have failed
}
