// Listens at each endpoint given and prints which addresses reach it. 127.0.0.2 represents another address of
// this machine, such as that of its network card.
#include <iostream>
#include <switchboard/socket.hpp>

using namespace switchboard;

const char* reaches(const char* host, const Socket& listener) {
    const Endpoint at = Endpoint::tcp(host, listener.local()->port());
    return connect(at) ? "reached" : "refused";
}

int main(int argc, char** argv) {
    const std::vector<const char*> usual = {"127.0.0.1:0", "localhost:0", ":0", "0.0.0.0:0"};
    const std::vector<const char*> given(argv + 1, argv + argc);
    int failed = 0;
    for (const char* text : given.empty() ? usual : given) {
        const auto asked = Endpoint::parse(text);
        const auto listener =
            asked.and_then([](const Endpoint& endpoint) { return listen(endpoint); });
        if (!listener) {
            std::cout << listener.error().message() << "\n";
            failed = 1;
            continue;
        }
        std::cout << text << " listens on " << bound_endpoint(*listener, *asked)->to_string();
        if (asked->is_inet())
            std::cout << ": 127.0.0.1 " << reaches("127.0.0.1", *listener) << ", 127.0.0.2 "
                      << reaches("127.0.0.2", *listener);
        std::cout << "\n";
    }
    return failed;
}
