// What plugins in C++ can do with datagrams and with the reactor of the host.
#include <switchboard/plugin.hpp>

namespace {

using namespace switchboard;
using namespace std::chrono_literals;
using plugin::HostReactor;

class MirrorCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "mirror"; }
    std::string message(int) const override { return "the mirror broke"; }
};
const MirrorCategory mirror_category;

// Answers some questions, and returns all else.
class Mirror final : public DatagramProtocol {
public:
    void on_datagram(DatagramSocket& socket, Datagram& in) override {
        const std::string_view asked = as_text(in.data);
        from_ = in.from;
        if (asked == "throw") throw std::runtime_error("asked to throw");
        if (asked == "full") return socket.close({1, mirror_category});
        if (asked == "wait") return socket.set_deadline(socket.now() + 5ms);
        socket.send(in.from, asked == "pieces" ? letters() : answer(socket, std::string(asked)));
    }
    void on_deadline(DatagramSocket& socket) override { socket.send(from_, "deadline"); }
    void on_error(DatagramSocket&, const DatagramError& error) override {
        errors_ = error.code.message() + " " + error.peer.endpoint().to_string() + " " +
                  std::to_string(error.size) + " " + std::to_string(error.count);
        for (char& each : errors_) each = static_cast<char>(std::tolower(each));
    }

private:
    static std::string text_of(const Result<void>& done) {
        return done ? "ok" : done.error().code().message();
    }
    static std::string letters() { return "abcdefghijklmnopqrst"; }
    std::string answer(DatagramSocket& socket, const std::string& asked) const {
        if (asked == "errors") return errors_;
        if (asked == "who")
            return socket.local().to_string() + " " + socket.peer().to_string() + " " +
                   from_.endpoint().to_string();
        if (asked == "options")
            return text_of(socket.set(DatagramOption::ttl, 9)) + ", " +
                   text_of(socket.set(DatagramOption::multicast_ttl, 999));
        if (asked == "join") {
            const auto group = DatagramAddress::of(Endpoint::udp("239.1.2.3", 0)).value();
            const std::string joined = text_of(socket.join(group));
            return joined + ", " + text_of(socket.leave(group));
        }
        return asked;
    }

    DatagramAddress from_;
    std::string errors_;
};

Result<std::unique_ptr<DatagramProtocol>> make_mirror(const Options& options,
                                                      const ProtocolContext&) {
    if (!options.flag("clean")) return fail(errc::bad_option, "clean it first");
    return std::make_unique<Mirror>();
}

// Sends a line to the target, and its answer to the connection that asked.
class Question final : public Protocol {
public:
    Question(HostReactor reactor, ConnectionId asker, std::string text)
        : reactor_(reactor), asker_(asker), text_(std::move(text)) {}
    void on_open(Connection& peer) override { peer.write(text_); }
    std::size_t on_data(Connection& peer, MutableBytes in) override {
        if (Connection* const asker = reactor_.find(asker_)) asker->write(in);
        peer.close();
        return in.size();
    }
    void on_close(std::error_code reason) noexcept override {
        if (Connection* const asker = reason ? reactor_.find(asker_) : nullptr)
            asker->write(reason == std::errc::connection_refused ? "refused" : "failed");
    }

private:
    const HostReactor reactor_;
    const ConnectionId asker_;
    const std::string text_;
};

class Asker final : public Protocol {
public:
    Asker(HostReactor reactor, Endpoint target) : reactor_(reactor), target_(std::move(target)) {}
    std::size_t on_data(Connection& peer, MutableBytes in) override {
        const std::string asked(as_text(in));
        id_ = peer.id();
        if (asked == "after") {
            reactor_.after(5ms, [this_ = *this] { this_.write("after"); });
        } else if (asked == "never") {
            using std::chrono::milliseconds;
            reactor_.after(milliseconds::max(), [this_ = *this] { this_.write("early"); });
            reactor_.every(milliseconds::max(), [this_ = *this] { this_.write("early"); });
            reactor_.after(milliseconds::min(), [this_ = *this] { this_.write("at once"); });
            reactor_.after(5ms, [this_ = *this] { this_.write(";"); });
        } else if (asked == "every") {
            every_ = std::make_shared<HostReactor::PendingId>();
            *every_ = reactor_.every(1ms, [this_ = *this, count = 0]() mutable {
                this_.write("every");
                if (++count == 2) this_.reactor_.cancel(*this_.every_);
            });
        } else if (asked == "post") {
            reactor_.post([this_ = *this] { this_.write("post"); });
        } else if (asked == "throw") {
            reactor_.post([] { throw std::runtime_error("thrown in a post"); });
        } else if (asked == "offload" || asked == "fail") {
            offload(asked == "fail");
        } else if (asked == "resolve") {
            resolve("80");
        } else if (asked == "unknown") {
            resolve("no such service");
        } else {
            connect(peer, asked);
        }
        return in.size();
    }

    Asker(const Asker& from)
        : reactor_(from.reactor_), target_(from.target_), id_(from.id_), every_(from.every_) {}
    Asker& operator=(const Asker&) = delete;

private:
    void write(const std::string& text) const {
        if (Connection* const peer = reactor_.find(id_)) peer->write(text);
    }
    void offload(bool fails) const {
        auto result = std::make_shared<int>(0);
        const auto work = [result, fails] {
            if (fails) throw std::runtime_error("thrown in the work");
            *result = 42;
        };
        reactor_.offload(work, [result, this_ = *this](std::error_code error) {
            this_.write(std::to_string(*result) + (error == errc::handler_failed ? " failed" : ""));
        });
    }
    void resolve(const std::string& service) const {
        reactor_.resolve(
            "127.0.0.1", service, [this_ = *this](const Result<std::vector<Endpoint>>& found) {
                this_.write(found ? found->at(0).to_string() : found.error().context());
            });
    }
    void connect(Connection& peer, const std::string& asked) const {
        const Endpoint target = asked == "nowhere" ? Endpoint::udp("127.0.0.1", 1) : target_;
        const auto connecting =
            reactor_.connect(target, std::make_unique<Question>(reactor_, peer.id(), asked));
        if (!connecting) peer.write(connecting.error().context());
    }

    const HostReactor reactor_;
    const Endpoint target_;
    ConnectionId id_;
    std::shared_ptr<HostReactor::PendingId> every_;
};

Result<ProtocolFactory> make_asker(const Options& options, const HostReactor& reactor) {
    return ProtocolFactory([reactor, target = options.endpoint("target")] {
        return std::make_unique<Asker>(reactor, target);
    });
}

}  // namespace

SWITCHBOARD_PLUGIN("services", "1.0", "for tests") {
    registry.add({.name = "mirror",
                  .summary = "returns datagrams",
                  .options = {{.name = "clean",
                               .help = "whether it is",
                               .type = OptionSpec::Type::flag,
                               .fallback = "yes"}},
                  .make_datagram = make_mirror});
    plugin::add(registry,
                {.name = "asker",
                 .summary = "asks another server",
                 .options = {{.name = "target",
                              .help = "the other server",
                              .type = OptionSpec::Type::endpoint,
                              .fallback = "tcp://127.0.0.1:1"}},
                 .starts_threads = true},
                make_asker);
}
