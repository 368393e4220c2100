// The smallest client: connect, send, receive until the message is whole, close.
#include <cstdio>
#include <switchboard/exchange.hpp>

using namespace switchboard;

int main(int argc, char** argv) {
    if (argc != 3) {
        std::puts("usage: client ENDPOINT TEXT");
        return 2;
    }
    const auto reply = Endpoint::parse(argv[1]).and_then(
        [&](const Endpoint& server) { return exchange(server, as_bytes(argv[2])); });
    if (!reply) {
        std::puts(reply.error().message().c_str());
        return 1;
    }
    std::printf("%.*s\n", static_cast<int>(reply->size()), as_text(*reply).data());
}
