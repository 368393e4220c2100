#include "datagrams.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <switchboard/datagram.hpp>
#include <vector>

#include "address.hpp"
#include "errors.hpp"
#include "peer.hpp"
#include "stream.hpp"

namespace switchboard::plugin {
namespace {

int number_of(DatagramOption option) noexcept {
    switch (option) {
        case DatagramOption::ttl: return SB_TTL;
        case DatagramOption::multicast_ttl: return SB_MULTICAST_TTL;
        case DatagramOption::multicast_loop: return SB_MULTICAST_LOOP;
        case DatagramOption::broadcast: return SB_BROADCAST;
    }
    return 0;
}

Result<void> result_of(sb_error error, const char* what) {
    if (const auto code = from_c(error)) return fail(code, what);
    return {};
}

// The socket of the host, as a DatagramProtocol in the plugin knows it.
class HostSocket final : public DatagramSocket {
public:
    explicit HostSocket(sb_socket* socket) : socket_(socket) {}

    using DatagramSocket::send;
    bool send(const DatagramAddress& to, std::span<const Bytes> pieces) override {
        std::array<sb_bytes, 16> few{};
        std::vector<sb_bytes> many(pieces.size() > few.size() ? pieces.size() : 0);
        sb_bytes* const all = many.empty() ? few.data() : many.data();
        std::transform(pieces.begin(), pieces.end(), all, [](Bytes piece) {
            return sb_bytes{piece.data(), piece.size()};
        });
        const sb_address address = to_c(to);
        return host->send(socket_, &address, all, pieces.size()) != 0;
    }
    void close(std::error_code reason) override { host->close_socket(socket_, to_c(reason)); }
    void abort(std::error_code reason) override { host->abort_socket(socket_, to_c(reason)); }
    bool closing() const override { return host->socket_closing(socket_) != 0; }
    Clock::time_point now() const override {
        return Clock::time_point(std::chrono::nanoseconds(host->socket_now(socket_)));
    }
    void set_deadline(Clock::time_point when) override {
        host->set_socket_deadline(socket_,
                                  std::chrono::nanoseconds(when.time_since_epoch()).count());
    }
    [[nodiscard]] Result<void> set(DatagramOption option, int value) override {
        return result_of(host->set_socket_option(socket_, number_of(option), value),
                         "set an option of a datagram socket");
    }
    [[nodiscard]] Result<void> join(const DatagramAddress& group,
                                    const std::string& interface) override {
        const sb_address address = to_c(group);
        return result_of(host->join_group(socket_, &address, interface.c_str()), "join a group");
    }
    [[nodiscard]] Result<void> leave(const DatagramAddress& group,
                                     const std::string& interface) override {
        const sb_address address = to_c(group);
        return result_of(host->leave_group(socket_, &address, interface.c_str()), "leave a group");
    }
    const Endpoint& local() const override { return endpoint(local_, true); }
    const Endpoint& peer() const override { return endpoint(peer_, false); }

private:
    const Endpoint& endpoint(std::optional<Endpoint>& place, bool local) const {
        if (!place)
            place = read_endpoint([&](char* out, std::size_t size) {
                return host->socket_endpoint(socket_, local ? 1 : 0, out, size);
            });
        return *place;
    }

    sb_socket* socket_;
    mutable std::optional<Endpoint> local_, peer_;  // empty until they are asked for
};

// The state of one socket, in memory of the host.
struct SocketState {
    std::optional<HostSocket> socket;  // from on_open on
    std::unique_ptr<DatagramProtocol> protocol;
};

SocketState& socket_state(void* self) {
    return *static_cast<SocketState*>(self);
}

// Call it in a catch block.
[[gnu::cold]] void report_failure(sb_socket* socket) noexcept {
    tell_exception([&](const char* what) { host->socket_failed(socket, what); });
}

// A use is for one socket.
int make_socket(void* self, void* service) {
    auto& made = static_cast<Use*>(service)->datagrams;
    if (!made) return 1;
    new (self) SocketState{{}, std::move(made)};
    return 0;
}

void destroy_socket(void* self) {
    socket_state(self).~SocketState();
}

template <class Call>
void guarded(void* self, sb_socket* socket, Call call) {
    try {
        SocketState& state = socket_state(self);
        call(*state.protocol, *state.socket);
    } catch (...) {
        report_failure(socket);
    }
}

template <void (DatagramProtocol::*Callback)(DatagramSocket&)>
void call_socket(void* self, sb_socket* socket) {
    guarded(self, socket,
            [](DatagramProtocol& protocol, HostSocket& of) { (protocol.*Callback)(of); });
}

void open_socket(void* self, sb_socket* socket) {
    socket_state(self).socket.emplace(socket);
    call_socket<&DatagramProtocol::on_open>(self, socket);
}

void receive(void* self, sb_socket* socket, sb_datagram* in, std::size_t count) {
    constexpr std::size_t kMost = 64;  // as plugin.h says
    guarded(self, socket, [&](DatagramProtocol& protocol, HostSocket& of) {
        std::array<Datagram, kMost> all;
        std::transform(in, in + count, all.begin(), [](const sb_datagram& each) {
            return Datagram{{reinterpret_cast<std::byte*>(each.data), each.size},
                            from_c(each.from)};
        });
        protocol.on_datagrams(of, std::span(all).first(count));
    });
}

void meet_error(void* self, sb_socket* socket, const sb_datagram_error* error) {
    guarded(self, socket, [&](DatagramProtocol& protocol, HostSocket& of) {
        protocol.on_error(of, {.code = from_c(error->error),
                               .peer = from_c(error->peer),
                               .size = error->size,
                               .count = error->count,
                               .earlier = error->earlier != 0});
    });
}

void close_state(void* self, sb_error reason) {
    socket_state(self).protocol->on_close(from_c(reason));
}

}  // namespace

const sb_datagrams& made_datagrams() noexcept {
    static constexpr sb_datagrams made{
        .struct_size = sizeof(sb_datagrams),
        .reserved = 0,
        .state_size = sizeof(SocketState),
        .create = make_socket,
        .destroy = destroy_socket,
        .on_open = open_socket,
        .on_datagrams = receive,
        .on_writable = call_socket<&DatagramProtocol::on_writable>,
        .on_error = meet_error,
        .on_deadline = call_socket<&DatagramProtocol::on_deadline>,
        .on_close = close_state,
    };
    return made;
}

}  // namespace switchboard::plugin
