// Sends hello to a server repeatedly and reconnects when the connection is lost. Gives up after a second
// without a connection.
#include <cstdio>
#include <switchboard/callbacks.hpp>
#include <switchboard/reconnect.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
    const auto server = Endpoint::parse(argc == 2 ? argv[1] : "");
    if (!server) {
        std::puts("usage: reconnect ENDPOINT");
        return 2;
    }
    Reactor reactor;
    ReconnectOptions options;
    options.backoff = {.initial = 50ms, .max = 500ms, .max_elapsed = 1s};
    options.on_give_up = [](const Error& error) { std::puts(error.message().c_str()); };
    const auto hello = callbacks([] {
        return Callbacks{.on_open = [](Connection& c) { c.write("hello\n"); },
                         .on_data =
                             [](Connection&, MutableBytes in) {
                                 std::fwrite(in.data(), 1, in.size(), stdout);
                                 std::fflush(stdout);
                                 return in.size();
                             }};
    });
    const ReconnectingClient client(reactor, *server, hello, options);
    reactor.run();
    return 1;
}
