// One connection of a load. Sans-I/O.
#pragma once

#include <optional>
#include <switchboard/protocol.hpp>
#include <vector>

#include "load.hpp"

namespace switchboard::bench {

// How it comes and goes, and what is counted of that; what it says is for who derives from it.
class LoadClient : public Protocol {
public:
    // `number`: which connection of the load this is.
    LoadClient(Load& load, std::size_t number) : load_(load), number_(number) {}

    std::size_t number() const noexcept { return number_; }
    // What it asks first is due since then, and not since it is connected. Before it is.
    void born(Clock::time_point due) { born_ = due; }
    // One of the requests it offered to make. Only while it is open.
    virtual void give(Clock::time_point due) = 0;
    virtual void start() {}    // the load has started
    virtual void give_up() {}  // what is under way is not waited for, or it has failed

    void on_open(Connection& connection) final;
    std::size_t on_data(Connection& connection, MutableBytes in) final;
    void on_eof(Connection& connection) final;
    void on_close(std::error_code reason) noexcept final;

protected:
    virtual void opened() = 0;
    // Returns how much of `in` was used, as Protocol::on_data.
    virtual std::size_t heard(MutableBytes in) = 0;

    Load& load() noexcept { return load_; }
    Connection& connection() noexcept { return *connection_; }
    std::optional<Clock::time_point> born() const noexcept { return born_; }
    bool failed() const noexcept { return failed_; }
    void answered();  // as it was asked: the first time counts
    // Ends the connection; `used` for on_data to return.
    std::size_t wrong_bytes(MutableBytes in);
    void leave();  // it has done its part: closes

private:
    void fail(Failure failure, const std::string& message);

    Load& load_;
    Connection* connection_ = nullptr;
    std::size_t number_;
    std::optional<Clock::time_point> born_;
    bool answered_ = false, failed_ = false, left_ = false;
};

// One that asks, and is answered in the order of its requests.
class Conversation : public LoadClient {
public:
    Conversation(Load& load, std::size_t number);

    void give(Clock::time_point due) final;
    void give_up() final;

protected:
    virtual void ask() = 0;  // writes the next request
    // What came is right up to `used`, and so many replies ended in it. Wrong if not all is used.
    struct Heard {
        std::size_t used = 0;
        std::uint64_t replies = 0;
    };
    virtual Heard hear(Bytes in) = 0;

    std::uint64_t asked() const noexcept { return asked_; }  // requests
    std::uint64_t replied() const noexcept { return replied_; }

    void opened() override;
    std::size_t heard(MutableBytes in) override;

    // So many more requests have been answered.
    void complete(std::uint64_t replies, Clock::time_point now);

private:
    void ask_for(Clock::time_point due, Clock::time_point now);

    std::uint64_t asked_ = 0, replied_ = 0;
    std::vector<Load::Asked> under_way_;  // by number of the request modulo its size
};

}  // namespace switchboard::bench
