// A server that returns each line in capitals. The bytes of a line may arrive in any pieces.
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/message_handler.hpp>
#include <switchboard/reactor.hpp>

using namespace switchboard;

class Shout final : public LineHandler {
    void on_line(Connection& peer, std::string_view line) override {
        std::string loud(line);
        for (char& c : loud) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        write_line(peer, loud);
    }
    void on_too_long(Connection& peer) override { write_line(peer, "ERROR: LINE TOO LONG"); }
};

int main() {
    Reactor reactor;
    const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), factory_of<Shout>());
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
