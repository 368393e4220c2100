#include "workload/message_workload.hpp"
#include "base/parse.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostReply = 64 * 1024 * 1024;
constexpr std::size_t kPrefix = 4;

// The server sends back what it gets.
class Echo : public MessageWorkload {
public:
    explicit Echo(std::size_t size) : MessageWorkload(Pattern(size)), size_(size) {}
    Message request(std::size_t connection, std::uint64_t n) const override {
        return {.position = Pattern::entry(connection) + n * size_, .body = size_};
    }

private:
    std::size_t size_;
};

// The same with lines of text. Their ends are part of the size.
class Lines final : public MessageWorkload {
public:
    explicit Lines(std::size_t size) : MessageWorkload(Pattern::text(size)), body_(size - 1) {}
    Message request(std::size_t connection, std::uint64_t n) const override {
        return {
            .position = Pattern::entry(connection) + n * body_, .body = body_, .ends_line = true};
    }

private:
    std::size_t body_;
};

// The same with a length in four bytes before each message, which is part of the size.
class Frames final : public MessageWorkload {
public:
    explicit Frames(std::size_t size) : MessageWorkload(Pattern(size)), body_(size - kPrefix) {}
    Message request(std::size_t connection, std::uint64_t n) const override {
        Message frame{.position = Pattern::entry(connection) + n * body_, .body = body_};
        frame.add_to_head(static_cast<std::uint32_t>(body_));
        return frame;
    }

private:
    std::size_t body_;
};

// A request says how long its reply is to be: see the protocol `reply` of switchboard serve.
class Replies final : public MessageWorkload {
public:
    Replies(std::size_t size, std::size_t reply)
        : MessageWorkload(Pattern(size)), body_(size - 2 * kPrefix), reply_(reply - kPrefix) {}
    Message request(std::size_t connection, std::uint64_t n) const override {
        Message request{.position = position(connection, n), .body = body_};
        request.add_to_head(static_cast<std::uint32_t>(body_ + kPrefix));
        request.add_to_head(static_cast<std::uint32_t>(reply_));
        return request;
    }
    Message reply(std::size_t connection, std::uint64_t n) const override {
        Message reply{.position = position(connection, n), .body = reply_, .period = body_};
        reply.add_to_head(static_cast<std::uint32_t>(reply_));
        return reply;
    }

private:
    std::uint64_t position(std::size_t connection, std::uint64_t n) const {
        return Pattern::entry(connection) + n * body_;
    }
    std::size_t body_, reply_;
};

// Asks for much, and reads one piece at a time, with pauses.
class SlowReader final : public Echo {
public:
    using Echo::Echo;
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(*this, load, number);
    }

private:
    static constexpr milliseconds kNap{50};
    class Client final : public MessageClient {
    public:
        using MessageClient::MessageClient;
        void on_deadline(Connection& connection) override { connection.resume_reading(); }

    private:
        std::size_t on_bytes(MutableBytes in) override {
            const std::size_t used = MessageClient::on_bytes(in);
            connection().pause_reading();
            connection().set_deadline(connection().now() + kNap);
            return used;
        }
    };
};

// Connects, and neither sends nor reads, whatever the protocol.
class Idle final : public Workload {
public:
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(load, number);
    }
    std::size_t request_size() const override { return 0; }

private:
    class Client final : public LoadClient {
    public:
        using LoadClient::LoadClient;

    private:
        void opened() override { answered(); }  // there will be no reply
        std::size_t on_bytes(MutableBytes in) override {
            connection().pause_reading();
            return in.size();
        }
    };
};

// Sends half of a message, and then nothing.
class Stalled final : public Echo {
public:
    using Echo::Echo;
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(*this, load, number);
    }

private:
    class Client final : public LoadClient {
    public:
        Client(const Stalled& workload, Load& load, std::size_t number)
            : LoadClient(load, number), workload_(workload), half_(workload.request(number, 0)) {
            half_.body /= 2;
        }

    private:
        void opened() override {
            half_.write(connection(), workload_.pattern());
            answered();  // there will be no whole reply
        }
        std::size_t on_bytes(MutableBytes in) override {
            const std::size_t right = half_.matching(workload_.pattern(), echoed_, in);
            echoed_ += right;
            return right < in.size() ? wrong_bytes(in) : right;
        }

        const Stalled& workload_;
        Message half_;
        std::size_t echoed_ = 0;
    };
};

}  // namespace

std::unique_ptr<LoadClient> MessageWorkload::client(Load& load, std::size_t number) {
    return std::make_unique<MessageClient>(*this, load, number);
}

std::size_t MessageClient::send_request() {
    return workload_.request(number(), sent() - 1).write(connection(), workload_.pattern());
}

Conversation::Match MessageClient::match(std::uint64_t n, Bytes in) {
    const Message reply = workload_.reply(number(), n);
    const std::size_t right = reply.matching(workload_.pattern(), matched_, in);
    matched_ += right;
    if (matched_ < reply.size()) return {right, false};
    matched_ = 0;
    return {right, true};
}

MadeWorkload make_echo(const WorkloadOptions& options) {
    return std::make_unique<Echo>(options.size);
}

MadeWorkload make_lines(const WorkloadOptions& options) {
    return std::make_unique<Lines>(options.size);
}

MadeWorkload make_frames(const WorkloadOptions& options) {
    return std::make_unique<Frames>(options.size);
}

MadeWorkload make_replies(const WorkloadOptions& options) {
    return check_range("--reply", options.reply, kPrefix, kMostReply)
        .and_then([&]() -> MadeWorkload {
            return std::make_unique<Replies>(options.size, options.reply);
        });
}

MadeWorkload make_slow_reader(const WorkloadOptions& options) {
    return std::make_unique<SlowReader>(options.size);
}

MadeWorkload make_idle(const WorkloadOptions&) {
    return std::make_unique<Idle>();
}

MadeWorkload make_stalled(const WorkloadOptions& options) {
    return std::make_unique<Stalled>(options.size);
}

}  // namespace switchboard::bench
