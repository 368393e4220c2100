// `switchboard serve` as a child process of a test.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <switchboard/socket.hpp>
#include <thread>
#include <vector>

#include "process.hpp"

namespace switchboard::programs {

using support::Finished;
using support::Process;

inline const std::string kSwitchboard = SWITCHBOARD_BIN "/switchboard";
inline const std::vector<std::string> kDrivers = {"reactor",     "iterative", "threads",
                                                  "thread-pool", "processes", "process-pool"};

inline std::vector<std::string> command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), kSwitchboard);
    return arguments;
}

inline Finished switchboard(std::vector<std::string> arguments, std::string input = {}) {
    return support::run(command(std::move(arguments)), std::move(input));
}

// Returns the path of the example `name`.
inline std::string example(const std::string& name) {
    return SWITCHBOARD_BIN "/examples/" + name;
}

// Runs `switchboard exchange ENDPOINT ARGUMENTS...`.
inline Finished ask(const std::string& endpoint, std::vector<std::string> arguments,
                    std::string input = {}) {
    arguments.insert(arguments.begin(), {"exchange", endpoint});
    return switchboard(std::move(arguments), std::move(input));
}

// Runs `switchboard serve ARGUMENTS...`, which must fail with exactly that message.
inline void check_refused(std::vector<std::string> arguments, const std::string& why) {
    arguments.insert(arguments.begin(), "serve");
    const Finished finished = switchboard(std::move(arguments));
    CHECK(finished.status == 1);
    CHECK(finished.output == "");
    CHECK(finished.errors == "switchboard: " + why + "\n");
}

// Runs `switchboard serve ARGUMENTS...` and waits until it listens.
class Server {
public:
    explicit Server(std::vector<std::string> arguments) : process_(serve(std::move(arguments))) {
        line_ = process_.read_line();
        const auto start = line_.find(" on ") + 4;
        endpoint_ = line_.substr(start, line_.find(" (") - start);
    }

    const std::string& line() const { return line_; }  // the line that announced the endpoint
    const std::string& endpoint() const { return endpoint_; }  // tcp://127.0.0.1:PORT
    std::string port() const { return endpoint_.substr(endpoint_.rfind(':') + 1); }
    Process& process() { return process_; }

    Socket connect() const {
        auto socket = switchboard::connect(Endpoint::parse(endpoint_).value());
        REQUIRE_MESSAGE(socket.has_value(), socket.error().message());
        REQUIRE(socket->set_timeouts(std::chrono::seconds(30), std::chrono::seconds(30)));
        return std::move(*socket);
    }
    Finished stop(int signal) {
        process_.signal(signal);
        return process_.wait();
    }

private:
    static std::vector<std::string> serve(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "serve");
        return command(std::move(arguments));
    }

    Process process_;
    std::string line_, endpoint_;
};

// Returns `size` bytes, or fewer if the peer ends.
inline std::string receive(const Socket& socket, std::size_t size) {
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        const auto got =
            socket.receive({reinterpret_cast<std::byte*>(text.data()) + have, size - have});
        REQUIRE_MESSAGE(got.has_value(), got.error().message());
        if (*got == 0) break;
        have += *got;
    }
    text.resize(have);
    return text;
}

// Sends `text` and returns as many bytes of the answer.
inline std::string round_trip(const Socket& socket, const std::string& text) {
    REQUIRE(socket.send_all(as_bytes(text)));
    return receive(socket, text.size());
}

// Returns whether the peer has ended the connection, by FIN or RST, without sending anything before.
inline bool ended(const Socket& socket) {
    std::byte one[1];
    const auto got = socket.receive(one);
    return got ? *got == 0 : !(got.error() == std::errc::operation_would_block);
}

// A server that sends `reply` to its first client once that has sent something, and reads to its FIN.
class OneReply {
public:
    explicit OneReply(const std::string& reply)
        : listener_(listen(Endpoint::tcp("127.0.0.1", 0)).value()),
          url_("http://127.0.0.1:" + std::to_string(listener_.local()->port()) + "/"),
          thread_([this, reply] {
              const auto client = listener_.accept();
              REQUIRE(client.has_value());
              const std::string first = receive_some(*client);
              REQUIRE(client->send_all(as_bytes(reply)));
              request_ = first;
              for (std::string more = "."; !more.empty();) request_ += more = receive_some(*client);
          }) {}
    ~OneReply() { join(); }
    const std::string& url() const { return url_; }
    // Waits until the client has left.
    const std::string& request() const {
        join();
        return request_;
    }

private:
    static std::string receive_some(const Socket& client) {
        std::string text(4096, '\0');
        const auto got = client.receive({reinterpret_cast<std::byte*>(text.data()), text.size()});
        text.resize(got.value_or(std::size_t{0}));
        return text;
    }
    void join() const {
        if (thread_.joinable()) thread_.join();
    }

    Socket listener_;
    std::string url_, request_;
    mutable std::thread thread_;
};

}  // namespace switchboard::programs
