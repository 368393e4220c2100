#include "message_workload.hpp"
#include "lists.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostMessage = 64 * 1024 * 1024;
constexpr std::size_t kMostLine = 8 * 1024;     // what servers of lines take
constexpr std::size_t kMostFrame = 512 * 1024;  // and of frames
constexpr std::size_t kPrefix = 4;

// What it sends comes back.
class Echo : public MessageWorkload {
public:
    explicit Echo(std::size_t size) : MessageWorkload(Pattern(size)), size_(size) {}
    Message request(std::size_t connection, std::uint64_t n) const override {
        return {.position = Pattern::entry(connection) + n * size_, .body = size_};
    }

private:
    std::size_t size_;
};

// The same as lines of text, whose end is part of their size.
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

// The same behind their length in four bytes, which are part of their size.
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

// Reads one piece in a while, of much that it asks for.
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
        std::size_t heard(MutableBytes in) override {
            const std::size_t used = MessageClient::heard(in);
            connection().pause_reading();
            connection().set_deadline(connection().now() + kNap);
            return used;
        }
    };
};

// Connects, and neither speaks nor listens, whatever the protocol.
class Idle final : public Workload {
public:
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(load, number);
    }
    std::size_t request_size() const override { return 0; }
    std::uint64_t exchange_size() const override { return 0; }

private:
    class Client final : public LoadClient {
    public:
        using LoadClient::LoadClient;
        void give(Clock::time_point) override {}

    private:
        void opened() override { answered(); }  // as far as it ever will be
        std::size_t heard(MutableBytes in) override {
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
        void give(Clock::time_point) override {}

    private:
        void opened() override {
            half_.write(connection(), workload_.pattern());
            answered();  // as far as it ever will be
        }
        std::size_t heard(MutableBytes in) override {
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

void MessageClient::ask() {
    workload_.request(number(), asked() - 1).write(connection(), workload_.pattern());
}

Conversation::Heard MessageClient::hear(Bytes in) {
    Heard heard;
    while (heard.used < in.size() && replied() + heard.replies < asked()) {
        const Message reply = workload_.reply(number(), replied() + heard.replies);
        const std::size_t right =
            reply.matching(workload_.pattern(), heard_of_reply_, in.subspan(heard.used));
        heard.used += right;
        heard_of_reply_ += right;
        if (heard_of_reply_ < reply.size()) break;  // the rest is to come, or it is wrong
        heard_of_reply_ = 0;
        ++heard.replies;
    }
    return heard;
}

MadeWorkload make_echo(const WorkloadOptions& options) {
    if (auto fits = check_range("--size", options.size, 1, kMostMessage); !fits)
        return tl::unexpected(fits.error());
    return std::make_unique<Echo>(options.size);
}

MadeWorkload make_lines(const WorkloadOptions& options) {
    if (auto fits = check_range("--size", options.size, 1, kMostLine); !fits)
        return tl::unexpected(fits.error());
    return std::make_unique<Lines>(options.size);
}

MadeWorkload make_frames(const WorkloadOptions& options) {
    if (auto fits = check_range("--size", options.size, kPrefix, kMostFrame); !fits)
        return tl::unexpected(fits.error());
    return std::make_unique<Frames>(options.size);
}

MadeWorkload make_replies(const WorkloadOptions& options) {
    auto fits = check_range("--size", options.size, 2 * kPrefix + 1, kMostFrame);
    if (fits) fits = check_range("--reply", options.reply, kPrefix, kMostMessage);
    if (!fits) return tl::unexpected(fits.error());
    return std::make_unique<Replies>(options.size, options.reply);
}

MadeWorkload make_slow_reader(const WorkloadOptions& options) {
    if (auto fits = check_range("--size", options.size, 1, kMostMessage); !fits)
        return tl::unexpected(fits.error());
    return std::make_unique<SlowReader>(options.size);
}

MadeWorkload make_idle(const WorkloadOptions&) {
    return std::make_unique<Idle>();
}

MadeWorkload make_stalled(const WorkloadOptions& options) {
    if (auto fits = check_range("--size", options.size, 2, kMostMessage); !fits)
        return tl::unexpected(fits.error());
    return std::make_unique<Stalled>(options.size);
}

}  // namespace switchboard::bench
