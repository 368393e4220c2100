// Looks up all given names at the same time without blocking, and prints their addresses.
#include <cstdio>
#include <switchboard/resolver.hpp>

using namespace switchboard;

int main(int argc, char** argv) {
    if (argc < 2) {
        std::puts("usage: resolve NAME...");
        return 2;
    }
    Reactor reactor;
    int failed = 0;
    for (int i = 1; i < argc; ++i) {
        resolve(reactor, argv[i], "80", [&](Result<std::vector<SocketAddress>> found) {
            if (!found) {
                std::puts(found.error().message().c_str());
                failed = 1;
                return;
            }
            for (const SocketAddress& address : *found)
                std::puts(Endpoint::from(address).host().c_str());
        });
    }
    reactor.run();
    return failed;
}
