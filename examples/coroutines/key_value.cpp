// A line protocol as a coroutine: "put KEY VALUE", "get KEY" and "quit". A client that says nothing for ten
// seconds is told so, and closed.
#include <iostream>
#include <map>
#include <switchboard/coroutine.hpp>
#include <switchboard/reactor.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

using Store = std::map<std::string, std::string, std::less<>>;

std::string answer_to(Store& store, std::string_view line) {
    const auto word = line.substr(0, line.find(' '));
    const auto rest = line.substr(std::min(line.size(), word.size() + 1));
    const auto key = rest.substr(0, rest.find(' '));
    if (word == "get") {
        const auto found = store.find(key);
        return found == store.end() ? "none" : "value " + found->second;
    }
    if (word != "put" || key.size() == rest.size()) return "error";
    store.insert_or_assign(std::string(key), std::string(rest.substr(key.size() + 1)));
    return "stored";
}

Task<> key_value(Stream& peer, Store& store) {
    for (;;) {
        peer.set_timeout(10s);
        const auto line = co_await peer.read_until("\n", 1024);
        if (!line) {
            if (line.error() != errc::end_of_input) peer.write(line.error().message() + "\n");
            co_return;
        }
        const auto text = as_text(*line).substr(0, line->size() - 1);
        if (text == "quit") co_return;
        peer.write(answer_to(store, text) + "\n");
    }
}

}  // namespace

int main() {
    Store store;  // one reactor serves all clients on one thread, so it needs no lock
    Reactor reactor;
    const auto session = [&store](Stream& peer) { return key_value(peer, store); };
    const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), coroutine(session));
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
