#include "admission.hpp"

#include <utility>

namespace switchboard::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kGoodbyes = 16;  // at a time: they must not cost those who are served
constexpr auto kPatience = 1s;

// Says it and waits for the peer's end, but not for long: what the peer still sends after a close would
// be answered by a reset, which may overtake the goodbye.
class Goodbye final : public Protocol {
public:
    explicit Goodbye(std::string text) : text_(std::move(text)) {}
    void on_open(Connection& connection) override {
        connection.write(text_);
        connection.shutdown_write();
        connection.set_deadline(connection.now() + kPatience);
    }
    void on_deadline(Connection& connection) override { connection.abort(errc::idle_timed_out); }
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }

private:
    std::string text_;
};

}  // namespace

Admission::Admission(Loop& loop, Endpoint local, ProtocolFactory factory,
                     const ListenOptions& options, std::shared_ptr<AcceptControl> control,
                     const Site& made)
    : loop_(loop),
      local_(std::move(local)),
      factory_(std::move(factory)),
      goodbye_(options.goodbye),
      control_(std::move(control)),
      origin_(loop.make_origin(options.limits, made)),
      refused_(loop.make_origin(Limits(), made)) {
    origin_.control = control_;
    refused_.goodbye = true;
}

Admission::~Admission() {
    loop_.release(refused_);
    loop_.release(origin_);
}

void Admission::admit(Arrival&& arrival) {
    std::unique_ptr<Protocol> protocol;
    loop_.guarded("protocol factory", [&] { protocol = factory_(); });
    SocketConnection* made = nullptr;
    if (protocol) try {
            loop_.watches.reserve(arrival.socket.fd());
            made = &loop_.make_connection(origin_, std::move(protocol), arrival.key);
        } catch (const std::bad_alloc&) {
            control_->leave(arrival.key);
            return refuse(std::move(arrival.socket), &ReactorStats::refused_memory, "no memory");
        }
    if (made == nullptr) {
        control_->leave(arrival.key);
        return refuse(std::move(arrival.socket), &ReactorStats::refused_protocol, "no protocol");
    }
    ++loop_.stats.accepted;
    made->accept(std::move(arrival.socket), arrival.peer);
}

void Admission::turn_away(Socket socket, const SocketAddress& peer, AcceptControl::Verdict why) {
    say_goodbye(socket, peer);
    if (why == AcceptControl::Verdict::full)
        return refuse(std::move(socket), &ReactorStats::refused_full, "max_connections");
    refuse(std::move(socket), &ReactorStats::refused_address, "max_per_address");
}

void Admission::say_goodbye(Socket& socket, const SocketAddress& peer) try {
    if (goodbye_.empty() || refused_.connections >= kGoodbyes) return;
    SocketConnection& made =
        loop_.make_connection(refused_, std::make_unique<Goodbye>(goodbye_), {});
    ++loop_.stats.told_goodbye;
    ++loop_.stats.goodbyes;
    made.accept(std::move(socket), peer);
} catch (const std::bad_alloc&) {
    return;  // refused without a word
}

// Without memory for the line it is not written.
void Admission::refuse(Socket socket, Counter cause, std::string_view why) noexcept try {
    ++loop_.stats.refused;
    ++(loop_.stats.*cause);
    socket.close();
    if (!loop_.logs()) return;
    loop_.log(LogLevel::warning,
              "refused a connection to " + local_.to_string() + ": " + std::string(why));
} catch (const std::bad_alloc&) {
    return;
}

}  // namespace switchboard::detail
