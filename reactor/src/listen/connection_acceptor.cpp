#include "connection_acceptor.hpp"

#include <utility>

namespace switchboard::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxRejecting =
    16;  // at a time: they must not slow down accepted connections
constexpr auto kPatience = 1s;

// Sends the reject message and waits for the peer's FIN, at most for kPatience. If the socket were closed at
// once, further input from the peer would cause a reset, which may overtake the message.
class RejectMessage final : public Protocol {
public:
    explicit RejectMessage(std::string text) : text_(std::move(text)) {}
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

ConnectionAcceptor::ConnectionAcceptor(Loop& loop, Endpoint local, ProtocolFactory factory,
                                       const ListenOptions& options,
                                       std::shared_ptr<AcceptLimits> control,
                                       const SourceLocation& location)
    : loop_(loop),
      local_(std::move(local)),
      factory_(std::move(factory)),
      reject_message_(options.reject_message),
      control_(std::move(control)),
      group_(loop.make_group(options.connection, location)),
      refused_(loop.make_group(ConnectionLimits(), location)) {
    group_.control = control_;
    refused_.rejecting = true;
}

ConnectionAcceptor::~ConnectionAcceptor() {
    loop_.release(refused_);
    loop_.release(group_);
}

void ConnectionAcceptor::admit(AcceptedSocket&& accepted) {
    std::unique_ptr<Protocol> protocol;
    loop_.guarded("protocol factory", [&] { protocol = factory_(); });
    SocketConnection* made = nullptr;
    if (protocol) try {
            loop_.watches.reserve(accepted.socket.fd());
            made = &loop_.make_connection(group_, std::move(protocol), accepted.key);
        } catch (const std::bad_alloc&) {
            control_->leave(accepted.key);
            return refuse(std::move(accepted.socket), &ReactorStats::refused_memory, "no memory");
        }
    if (made == nullptr) {
        control_->leave(accepted.key);
        return refuse(std::move(accepted.socket), &ReactorStats::refused_protocol, "no protocol");
    }
    ++loop_.stats.accepted;
    made->accept(std::move(accepted.socket), accepted.peer);
}

void ConnectionAcceptor::reject(Socket socket, const SocketAddress& peer,
                                AcceptLimits::Verdict why) {
    send_reject_message(socket, peer);
    if (why == AcceptLimits::Verdict::full)
        return refuse(std::move(socket), &ReactorStats::refused_max_connections, "max_connections");
    refuse(std::move(socket), &ReactorStats::refused_per_address, "max_per_address");
}

void ConnectionAcceptor::send_reject_message(Socket& socket, const SocketAddress& peer) try {
    if (reject_message_.empty() || refused_.connections >= kMaxRejecting) return;
    SocketConnection& made =
        loop_.make_connection(refused_, std::make_unique<RejectMessage>(reject_message_), {});
    ++loop_.stats.rejected_with_message;
    ++loop_.stats.rejecting;
    made.accept(std::move(socket), peer);
} catch (const std::bad_alloc&) {
    return;  // refused without a reject message
}

// If memory runs out, no line is logged.
void ConnectionAcceptor::refuse(Socket socket, Counter cause, std::string_view why) noexcept try {
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
