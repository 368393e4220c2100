#include "host_datagrams.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "address.hpp"
#include "call.hpp"
#include "error_domains.hpp"
#include "plugin_datagrams.hpp"
#include "text.hpp"

namespace switchboard::plugin_host {
namespace {

constexpr sb_error kInvalid{SB_GENERIC, static_cast<std::int32_t>(std::errc::invalid_argument)};

// Returns null, and logs the call, if the socket has ended.
DatagramSocket* open_socket(const sb_socket* socket, const char* call) noexcept {
    if (!socket->socket)
        socket->plugin.log(LogLevel::error, call, "() with a socket that has ended");
    return socket->socket;
}

int send(sb_socket* socket, const sb_address* to, const sb_bytes* pieces, std::size_t count) {
    DatagramSocket* const on = open_socket(socket, "send");
    if (!on) return 0;
    if (to && !plugin::is_valid(*to)) {
        socket->plugin.log(LogLevel::error, "send() to an address that is damaged");
        return 0;
    }
    return or_if_no_memory(0, [&] {
        std::array<Bytes, 16> few;
        std::vector<Bytes> many(count > few.size() ? count : 0);
        const std::span<Bytes> all = many.empty() ? std::span(few).first(count) : std::span(many);
        std::transform(pieces, pieces + count, all.begin(), bytes_of);
        const DatagramAddress address = to ? plugin::from_c(*to) : DatagramAddress();
        return on->send(address, std::span<const Bytes>(all)) ? 1 : 0;
    });
}

void close_socket(sb_socket* socket, sb_error reason) {
    DatagramSocket* const on = open_socket(socket, "close_socket");
    or_if_no_memory(0, [&] {
        if (on) on->close(socket->plugin.from_c(reason));
        return 0;
    });
}

void abort_socket(sb_socket* socket, sb_error reason) {
    DatagramSocket* const on = open_socket(socket, "abort_socket");
    or_if_no_memory(0, [&] {
        if (on) on->abort(socket->plugin.from_c(reason));
        return 0;
    });
}

int socket_closing(const sb_socket* socket) {
    return !socket->socket || socket->socket->closing() ? 1 : 0;
}

std::int64_t socket_now(const sb_socket* socket) {
    const DatagramSocket* const on = open_socket(socket, "socket_now");
    return on ? std::chrono::nanoseconds(on->now().time_since_epoch()).count() : 0;
}

void set_socket_deadline(sb_socket* socket, std::int64_t when) {
    if (DatagramSocket* const on = open_socket(socket, "set_socket_deadline"))
        on->set_deadline(Clock::time_point(std::chrono::nanoseconds(when)));
}

// Calls `act` with the socket, and returns the error of its result.
template <class Act>
sb_error outcome_of(sb_socket* socket, const char* call, Act act) noexcept {
    DatagramSocket* const on = open_socket(socket, call);
    if (!on) return kInvalid;
    return or_if_no_memory(kNoMemory, [&] {
        const Result<void> done = act(*on);
        return done ? sb_error{0, 0} : socket->plugin.to_c(done.error());
    });
}

sb_error set_socket_option(sb_socket* socket, int option, int value) {
    return outcome_of(socket, "set_socket_option", [&](DatagramSocket& on) -> Result<void> {
        switch (option) {
            case SB_TTL: return on.set(DatagramOption::ttl, value);
            case SB_MULTICAST_TTL: return on.set(DatagramOption::multicast_ttl, value);
            case SB_MULTICAST_LOOP: return on.set(DatagramOption::multicast_loop, value);
            case SB_BROADCAST: return on.set(DatagramOption::broadcast, value);
            default: return fail(errc::bad_option, "");
        }
    });
}

sb_error join_group(sb_socket* socket, const sb_address* group, const char* interface_name) {
    if (!plugin::is_valid(*group)) return kInvalid;
    return outcome_of(socket, "join_group", [&](DatagramSocket& on) {
        return on.join(plugin::from_c(*group), interface_name ? interface_name : "");
    });
}

sb_error leave_group(sb_socket* socket, const sb_address* group, const char* interface_name) {
    if (!plugin::is_valid(*group)) return kInvalid;
    return outcome_of(socket, "leave_group", [&](DatagramSocket& on) {
        return on.leave(plugin::from_c(*group), interface_name ? interface_name : "");
    });
}

std::size_t socket_endpoint(const sb_socket* socket, int local, char* out, std::size_t size) {
    copy_text("", out, size);
    return or_if_no_memory(std::size_t{0}, [&] {
        const DatagramSocket* const on = open_socket(socket, "socket_endpoint");
        return copy_text(on ? (local != 0 ? on->local() : on->peer()).to_string() : "", out, size);
    });
}

void socket_failed(sb_socket* socket, const char* why) {
    DatagramSocket* const on = open_socket(socket, "socket_failed");
    if (!on || socket->failure) return;
    try {
        socket->failure = std::make_unique<const std::string>(one_line(why));
    } catch (const std::bad_alloc&) {
        on->abort(make_error_code(errc::handler_failed));  // without the text
    }
}

sb_error parse_address(const char* endpoint, sb_address* out) {
    *out = {};
    return or_if_no_memory(kNoMemory, [&] {
        const auto address = Endpoint::parse(endpoint).and_then(DatagramAddress::of);
        if (!address) {
            const std::error_code code = address.error().code();
            return sb_error{plugin::common_domain(code.category()), code.value()};
        }
        *out = plugin::to_c(*address);
        return sb_error{0, 0};
    });
}

std::size_t address_text(const sb_address* address, char* out, std::size_t size) {
    copy_text("", out, size);
    if (!plugin::is_valid(*address)) return 0;
    return or_if_no_memory(std::size_t{0}, [&] {
        return copy_text(plugin::from_c(*address).endpoint().to_string(), out, size);
    });
}

}  // namespace

void add_datagram_calls(sb_host& table) noexcept {
    table.send = send;
    table.close_socket = close_socket;
    table.abort_socket = abort_socket;
    table.socket_closing = socket_closing;
    table.socket_now = socket_now;
    table.set_socket_deadline = set_socket_deadline;
    table.set_socket_option = set_socket_option;
    table.join_group = join_group;
    table.leave_group = leave_group;
    table.socket_endpoint = socket_endpoint;
    table.socket_failed = socket_failed;
    table.parse_address = parse_address;
    table.address_text = address_text;
}

}  // namespace switchboard::plugin_host
