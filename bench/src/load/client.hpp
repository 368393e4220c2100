// One connection of a load. Sans-I/O.
#pragma once

#include <optional>
#include <switchboard/protocol.hpp>
#include <vector>

#include "load/load.hpp"

namespace switchboard::bench {

// Opens and closes the connection, and counts what happens to it. Derived classes send and check the bytes.
class LoadClient : public Protocol {
public:
    // `number` is that of the connection in the load.
    LoadClient(Load& load, std::size_t number) : load_(load), number_(number) {}

    std::size_t number() const noexcept { return number_; }
    // Sets when its first request was due, instead of when it is connected. Call it before the connect.
    void created(Clock::time_point due) { created_ = due; }
    // Sends one of the requests that it has offered to make. Called only while it is open.
    virtual void send_next(Clock::time_point /*due*/) {}
    virtual void start() {}    // the load has started
    virtual void give_up() {}  // gives up what is in flight; also after a failure
    // Requests that were sent and not yet answered; for a stream, 1 while it waits for bytes.
    virtual std::uint64_t in_flight() const { return 0; }
    virtual void window_ended() {}  // closed loop: send nothing more

    void on_open(Connection& connection) final;
    std::size_t on_data(Connection& connection, MutableBytes in) final;
    void on_eof(Connection& connection) final;
    void on_close(std::error_code reason) noexcept final;

protected:
    virtual void opened() {}
    // Returns how much of `in` was used, like Protocol::on_data.
    virtual std::size_t on_bytes(MutableBytes in) = 0;

    Load& load() noexcept { return load_; }
    Connection& connection() noexcept { return *connection_; }
    std::optional<Clock::time_point> created() const noexcept { return created_; }
    bool failed() const noexcept { return failed_; }
    void answered();  // a request was answered; only the first call counts
    // Ends the connection. Returns what on_data is to return.
    std::size_t wrong_bytes(MutableBytes in);
    void finish();  // the connection has done its part: closes it

private:
    void fail(Failure failure, const std::string& message);

    Load& load_;
    Connection* connection_ = nullptr;
    std::size_t number_;
    std::optional<Clock::time_point> created_;
    bool answered_ = false, failed_ = false, finished_ = false;
};

// Sends requests, which are answered in their order.
class Conversation : public LoadClient {
public:
    Conversation(Load& load, std::size_t number);

    void send_next(Clock::time_point due) final;
    void give_up() final;
    std::uint64_t in_flight() const final { return sent_ - replied_; }

protected:
    virtual std::size_t send_request() = 0;  // writes the next request; returns its size
    // Returns how many leading bytes of `in` continue the n-th reply, and whether the reply ends with them.
    // If they are not all of `in` and the reply has not ended, the next byte is wrong.
    struct Match {
        std::size_t used = 0;
        bool is_whole = false;
    };
    virtual Match match(std::uint64_t n, Bytes in) = 0;

    std::uint64_t sent() const noexcept { return sent_; }  // requests
    std::uint64_t replied() const noexcept { return replied_; }

    void opened() override;
    std::size_t on_bytes(MutableBytes in) override;
    // Counts so many further replies.
    void complete(std::uint64_t replies, Clock::time_point now);

private:
    void send(Clock::time_point due, Clock::time_point now);

    std::uint64_t sent_ = 0, replied_ = 0;
    std::vector<Load::Request> in_flight_;  // by number of the request, modulo its size
};

}  // namespace switchboard::bench
