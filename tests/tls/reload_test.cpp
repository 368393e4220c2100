// New certificates under load, and sessions that go from one process to another.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <switchboard/blocking.hpp>
#include <switchboard/exchange.hpp>
#include <thread>

#include "loopback.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

// Says whether the session was resumed.
ProtocolFactory session_server() {
    return callbacks([] {
        return Callbacks{.on_open = [](Connection& c) {
            c.write(c.security()->resumed ? "resumed" : "new");
            c.close();
        }};
    });
}

// Returns what the server says, or why it could not be asked.
std::string ask(const tls::Client& client, const Endpoint& at) {
    ExchangeOptions options;
    options.shutdown_after_request = false;
    options.timeout = std::chrono::seconds(20);
    options.layer = [&](std::unique_ptr<Protocol> above) {
        return client.wrap("127.0.0.1", std::move(above));
    };
    const auto reply = exchange(at, {}, options);
    return reply ? std::string(as_text(*reply)) : reply.error().message();
}

}  // namespace

TEST_CASE("TLS: certificates are replaced 100 times under load, and no handshake fails") {
    Listener listener;
    auto stop = Stop::create();
    REQUIRE(stop);
    const auto server = make_server();
    std::thread serving([&] {
        CHECK(serve_threads(std::move(listener.socket), server.wrap(session_server()), *stop)
                  .has_value());
    });
    std::atomic<bool> is_over = false;
    std::atomic<int> whole = 0;
    std::atomic<int> failures = 0;
    std::string failed[3];
    std::vector<std::thread> load;
    for (std::string& why : failed) {
        load.emplace_back([&] {
            const auto client = make_client();  // its sessions are for one of the certificates
            while (!is_over && why.empty()) {
                const std::string said = ask(client, listener.at);
                const bool is_whole = said == "new" || said == "resumed";
                if (!is_whole) why = said;
                ++(is_whole ? whole : failures);
            }
        });
    }
    const std::string names = "DNS:server.example,IP:127.0.0.1";
    const tls::Certificate certificates[] = {authority().issue({.subject = "a", .names = names}),
                                             authority().issue({.subject = "b", .names = names})};
    for (int i = 0; i < 100; ++i) {
        CHECK(server.reload({certificates[i % 2]}));
        const auto progress = [&, before = whole.load()] {
            return whole >= before + 2 || failures > 0;
        };
        while (!progress()) std::this_thread::yield();
    }
    is_over = true;
    for (auto& thread : load) thread.join();
    for (const std::string& why : failed) CHECK(why == "");
    CHECK(whole >= 200);
    stop->drain();
    serving.join();
}

namespace {

// A server in a process of its own, with that secret.
class Apart {
public:
    explicit Apart(const std::string& secret) {
        std::fflush(nullptr);  // otherwise the child could write buffered output a second time
        process_ = ::fork();
        REQUIRE(process_ >= 0);
        if (process_ == 0) serve(secret);
        listener_.socket.close();
    }
    Apart(const Apart&) = delete;
    Apart& operator=(const Apart&) = delete;
    ~Apart() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    const Endpoint& at() const { return listener_.at; }

private:
    void serve(const std::string& secret) {
        const auto stop = Stop::create();
        const auto server = make_server({.ticket_secret = secret});
        (void)serve_iterative(std::move(listener_.socket), server.wrap(session_server()), *stop);
        ::_exit(0);
    }

    Listener listener_;
    pid_t process_ = -1;
};

}  // namespace

TEST_CASE("TLS: two processes with one secret resume each other's sessions") {
    constexpr int kCalls = 200;
    const std::string secret(32, 's');
    (void)server_certificate();  // or each process would make an authority of its own
    const Apart first(secret), second(secret);
    const auto client = make_client();
    CHECK(ask(client, first.at()) == "new");
    int resumed = 0;
    for (int i = 0; i < kCalls; ++i)
        if (ask(client, i % 3 == 0 ? first.at() : second.at()) == "resumed") ++resumed;
    CHECK(resumed * 100 >= kCalls * 99);
    const Apart other(std::string(32, 'x'));
    CHECK(ask(client, other.at()) == "new");
}
