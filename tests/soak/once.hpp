// A client that sends one message to an echo server, and the state that the clients of one load share.
// Sans-I/O.
#pragma once

#include <functional>
#include <string>
#include <switchboard/protocol.hpp>

#include <load/tally.hpp>
#include <workload/message.hpp>

namespace switchboard::bench {

struct OnceTally {
    std::size_t connected = 0;
    std::size_t connects_ended = 0;  // succeeded or failed
    std::size_t answered = 0;        // the whole reply came, and every byte was correct
    std::size_t decided = 0;         // answered, or failed before that
    std::size_t ended = 0;           // includes failed connects
    std::size_t failed = 0;          // before the reply, or ended by the server after it
    FailureCounts failures{};
    std::string first_failure;  // as text

    // Returns a text such as "3 refused, 1 wrong bytes (first: ...)", or an empty one if nothing failed.
    std::string failures_text() const;
};
OnceTally& operator+=(OnceTally& sum, const OnceTally& part);

// Must outlive the clients. For one thread.
class Once {
public:
    explicit Once(std::size_t message) : size(message), pattern(message) {}

    void never_started(
        const std::string& message);  // a connect failed at once; does not call on_change
    void count_failure(Failure failure, const std::string& message);

    const std::size_t size;  // bytes per message
    const Pattern pattern;
    bool asks_at_once = true;  // otherwise ask() tells it to
    bool closes = true;        // after the reply; otherwise it stays open
    OnceTally tally;
    std::function<void()> on_change = [] {};  // called when a client connects, is answered, or ends
};

class OnceClient : public Protocol {
public:
    OnceClient(Once& once, std::size_t number);

    void ask(Connection& connection);
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_eof(Connection& connection) override;
    void on_close(std::error_code reason) noexcept override;

private:
    void fail(Failure failure, const std::string& message);
    std::size_t wrong_bytes(Connection& connection, std::size_t size);

    Once& once_;
    std::uint64_t entry_;
    std::size_t asked_ = 0, received_ = 0;  // bytes; the received ones are checked
    bool opened_ = false, failed_ = false;
    bool closed_ = false;  // by this client
};

}  // namespace switchboard::bench
