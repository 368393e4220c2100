// The ways in which a connection may end, and the reason that its handler gets for each.
#include <iostream>
#include <switchboard/blocking.hpp>
#include <switchboard/message_handler.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

class Silent final : public LineHandler {
public:
    explicit Silent(std::size_t writes) : writes_(writes) {}

private:
    void on_open(Connection& peer) override { peer.write(std::string(writes_, 'x')); }
    void on_line(Connection&, std::string_view) override {}
    void on_close(std::error_code reason) noexcept override {
        std::cout << (reason ? reason.message() : "orderly") << "\n";
    }

    std::size_t writes_;
};

// Runs `act` on the client, and then serves its connection.
void serve(const char* what, bool (*act)(Socket&), std::size_t writes = 0) {
    std::cout << what << ": " << std::flush;
    const Socket listener = listen(Endpoint::tcp("127.0.0.1", 0)).value();
    Socket client = connect(listener.local().value()).value();
    Socket served = listener.accept().value();
    if (!act(client)) std::abort();
    ServeOptions options;
    options.connection.idle_timeout = 500ms;
    options.connection.write_stall_timeout = 100ms;
    serve_connection(std::move(served), std::make_unique<Silent>(writes), options);
}

int main() {
    serve("a client that has finished", [](Socket& client) {
        return client.send_all(as_bytes("hello\n")) && client.shutdown_write();
    });
    serve("a client that ends within a line", [](Socket& client) {
        return client.send_all(as_bytes("hel")) && client.shutdown_write();
    });
    serve("a client that resets the connection", [](Socket& client) {
        client.reset_on_close();
        client.close();
        return true;
    });
    const auto stays = [](Socket&) { return true; };
    serve("a client that says nothing", stays);
    serve("a client that does not read", stays, 10'000'000);
}
