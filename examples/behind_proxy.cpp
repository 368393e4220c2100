// A server behind a proxy, such as haproxy with send-proxy-v2. It sends each client the client's own address.
// The first argument lists the proxies. For all other peers, the address of the socket is used.
#include <cstdio>
#include <switchboard/callbacks.hpp>
#include <switchboard/proxy.hpp>
#include <switchboard/reactor.hpp>

using namespace switchboard;

int main(int argc, char** argv) {
    const auto tell = callbacks([] {
        return Callbacks{.on_open = [](Connection& client) {
            client.write("you are " + client.peer().to_string() + "\n");
            client.close();
        }};
    });
    Reactor reactor;
    const auto listening = ProxyTrust::parse(argc > 1 ? argv[1] : "127.0.0.1")
                               .and_then([&](const ProxyTrust& trust) {
                                   return receive_proxy_header(tell, {.trust = trust});
                               })
                               .and_then([&](const ProtocolFactory& factory) {
                                   return reactor.listen(Endpoint::tcp("127.0.0.1", 0), factory);
                               });
    if (!listening) {
        std::puts(listening.error().message().c_str());
        return 1;
    }
    std::printf("listening on %s\n", listening->local.to_string().c_str());
    std::fflush(stdout);
    reactor.run();
}
