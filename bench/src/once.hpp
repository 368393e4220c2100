// A client that has one message echoed, and what the clients of one load share. Sans-I/O.
#pragma once

#include <functional>
#include <string>
#include <switchboard/protocol.hpp>

#include "pattern.hpp"
#include "tally.hpp"

namespace switchboard::bench {

struct OnceTally {
    std::size_t connected = 0;
    std::size_t connects_ended = 0;  // well or not
    std::size_t answered = 0;        // the whole reply came back, and every byte was right
    std::size_t decided = 0;         // answered, or failed before that
    std::size_t ended = 0;           // connects that failed included
    std::size_t failed = 0;          // before they were answered, or ended by the server afterwards
    FailureCounts failures{};
    std::string first_failure;  // in words

    // "3 refused, 1 wrong bytes (first: ...)"; empty when nothing failed.
    std::string failures_text() const;
};
OnceTally& operator+=(OnceTally& sum, const OnceTally& part);

// Outlives the clients; one thread.
class Once {
public:
    explicit Once(std::size_t message) : size(message), pattern(message) {}

    void never_started(const std::string& message);  // a connect that failed at once; no on_change
    void count_failure(Failure failure, const std::string& message);

    const std::size_t size;  // bytes per message
    const Pattern pattern;
    bool asks_at_once = true;  // or when it is told to, with ask()
    bool closes = true;        // once it is answered; or it stays
    OnceTally tally;
    std::function<void()> on_change = [] {};  // a client has connected, was answered, or has ended
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
    std::size_t asked_ = 0, received_ = 0;  // bytes; those received are checked
    bool opened_ = false, failed_ = false;
    bool closed_ = false;  // by us
};

}  // namespace switchboard::bench
