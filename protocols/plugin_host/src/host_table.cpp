#include "host_table.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <switchboard/file.hpp>
#include <utility>

#include "call.hpp"
#include "connection_number.hpp"
#include "datagrams/host_datagrams.hpp"
#include "lent.hpp"
#include "lent_security.hpp"
#include "plugin_protocol.hpp"
#include "reactor/host_reactor.hpp"
#include "text.hpp"

namespace switchboard::plugin_host {
namespace {

[[gnu::cold, gnu::noinline]] void report_late(const sb_peer* peer, const char* call) noexcept {
    peer->stream->plugin.log(LogLevel::error, call, "() with a connection that has ended");
}

// Returns null, and logs the call, if the connection has ended.
Connection* connection_of(const sb_peer* peer, const char* call) noexcept {
    if (!peer->connection) [[unlikely]]
        report_late(peer, call);
    return peer->connection;
}

const Plugin& plugin_of(const sb_peer* peer) noexcept {
    return peer->stream->plugin;
}

// Runs what allocates: std::bad_alloc must not pass through the plugin, and ends the connection instead. The
// result is then 0.
template <class Call>
auto guarded(const sb_peer* peer, Call call) noexcept -> decltype(call()) {
    try {
        return call();
    } catch (...) {
        if (peer->connection)
            peer->connection->abort(std::make_error_code(std::errc::not_enough_memory));
        return decltype(call())();
    }
}

Lent lent_by(const sb_peer* peer, Release release, void* owner) noexcept {
    const Plugin& plugin = plugin_of(peer);
    return {peer->connection ? peer->service->running : nullptr, plugin, release, owner};
}

// A File with a descriptor of the plugin, which the File must not close.
class LentFile {
public:
    LentFile(int fd, Lent lent) noexcept : file(fd), lent_(std::move(lent)) {}
    LentFile(const LentFile&) = delete;
    LentFile& operator=(const LentFile&) = delete;
    // Not defaulted, and so without the File's.
    ~LentFile() {}  // NOLINT(modernize-use-equals-default)

    union {
        const File file;
    };

private:
    const Lent lent_;
};

int write(sb_peer* peer, const void* data, std::size_t size) {
    Connection* const to = connection_of(peer, "write");
    return to && to->write(Bytes(static_cast<const std::byte*>(data), size)) ? 1 : 0;
}

int write_pieces(sb_peer* peer, const sb_bytes* pieces, std::size_t count) {
    Connection* const to = connection_of(peer, "write_pieces");
    if (!to) return 0;
    std::array<Bytes, 16> part;
    bool takes_more = !to->closing();
    for (std::span<const sb_bytes> rest(pieces, count); !rest.empty();) {
        const auto now = rest.first(std::min(rest.size(), part.size()));
        std::transform(now.begin(), now.end(), part.begin(), bytes_of);
        takes_more = to->write(std::span<const Bytes>(part.data(), now.size()));
        rest = rest.subspan(now.size());
    }
    return takes_more ? 1 : 0;
}

int write_shared(sb_peer* peer, const void* data, std::size_t size, Release release, void* owner) {
    return guarded(peer, [&] {
        auto lent = std::make_shared<const Lent>(lent_by(peer, release, owner));
        Connection* const to = connection_of(peer, "write_shared");
        const Bytes bytes(static_cast<const std::byte*>(data), size);
        return to && to->write_shared({std::move(lent), bytes}) ? 1 : 0;
    });
}

void send_file(sb_peer* peer, int fd, std::uint64_t offset, std::uint64_t length, Release release,
               void* owner) {
    guarded(peer, [&] {
        const auto lent = std::make_shared<const LentFile>(fd, lent_by(peer, release, owner));
        if (Connection* const to = connection_of(peer, "send_file"))
            to->send_file({.file = {lent, &lent->file}, .offset = offset, .length = length});
    });
}

void shutdown_write(sb_peer* peer) {
    if (Connection* const to = connection_of(peer, "shutdown_write")) to->shutdown_write();
}

void close_peer(sb_peer* peer, sb_error reason) {
    guarded(peer, [&] {
        if (Connection* const to = connection_of(peer, "close"))
            to->close(plugin_of(peer).from_c(reason));
    });
}

void abort_peer(sb_peer* peer, sb_error reason) {
    guarded(peer, [&] {
        if (Connection* const to = connection_of(peer, "abort"))
            to->abort(plugin_of(peer).from_c(reason));
    });
}

void pause_reading(sb_peer* peer) {
    if (Connection* const from = connection_of(peer, "pause_reading")) from->pause_reading();
}

void resume_reading(sb_peer* peer) {
    if (Connection* const from = connection_of(peer, "resume_reading")) from->resume_reading();
}

std::int64_t now(const sb_peer* peer) {
    const Connection* const of = connection_of(peer, "now");
    return of ? std::chrono::nanoseconds(of->now().time_since_epoch()).count() : 0;
}

void set_deadline(sb_peer* peer, std::int64_t when) {
    if (Connection* const of = connection_of(peer, "set_deadline"))
        of->set_deadline(Clock::time_point(std::chrono::nanoseconds(when)));
}

int switch_to(sb_peer* peer, const sb_stream* next, void* data) {
    return guarded(peer, [&] {
        Connection* const of = connection_of(peer, "switch_to");
        StreamTable* const stream =
            of ? peer->stream->plugin.stream_of(next, "switch_to") : nullptr;
        if (!stream) return 0;
        auto protocol = PluginProtocol::make_for(*stream, peer->service->shared_from_this(), data);
        if (!protocol) return 0;
        of->switch_to(std::move(protocol));
        return 1;
    });
}

std::size_t queued(const sb_peer* peer) {
    const Connection* const of = connection_of(peer, "queued");
    return of ? of->queued() : 0;
}

int closing(const sb_peer* peer) {
    return !peer->connection || peer->connection->closing() ? 1 : 0;
}

std::uint64_t id(const sb_peer* peer) {
    if (!peer->connection) return 0;
    return plugin::number_of(peer->connection->id());
}

std::size_t endpoint(const sb_peer* peer, int local, char* out, std::size_t size) {
    copy_text("", out, size);
    return guarded(peer, [&] {
        const Connection* const of = connection_of(peer, "endpoint");
        return copy_text(of ? (local != 0 ? of->local() : of->peer()).to_string() : "", out, size);
    });
}

sb_error credentials(const sb_peer* peer, sb_credentials* out) {
    const auto found = guarded(peer, [&]() -> std::optional<Result<PeerCredentials>> {
        const Connection* const of = connection_of(peer, "credentials");
        return of ? of->peer_credentials() : fail(errc::unsupported, "");
    });
    if (!found) return kNoMemory;
    if (!*found) return plugin_of(peer).to_c(found->error());
    const PeerCredentials& is = **found;
    const sb_credentials known{
        .struct_size = out->struct_size, .pid = is.pid, .uid = is.uid, .gid = is.gid};
    std::memcpy(out, &known, std::min<std::size_t>(out->struct_size, sizeof known));
    return {0, 0};
}

int security(const sb_peer* peer, void (*use)(void*, const sb_security*), void* arg) {
    return guarded(peer, [&] {
        const Connection* const of = connection_of(peer, "security");
        const auto agreed = of ? of->security() : std::nullopt;
        if (agreed) lend_security(*agreed, use, arg);
        return agreed ? 1 : 0;
    });
}

void failed(sb_peer* peer, const char* why) noexcept {
    if (!connection_of(peer, "failed") || peer->failure) return;
    try {
        peer->failure = new std::string(one_line(why));
    } catch (const std::bad_alloc&) {
        peer->connection->abort(make_error_code(errc::handler_failed));  // without the text
    }
}

void add_peer_calls(sb_host& table) noexcept {
    table.write = write;
    table.write_pieces = write_pieces;
    table.write_shared = write_shared;
    table.send_file = send_file;
    table.shutdown_write = shutdown_write;
    table.close = close_peer;
    table.abort = abort_peer;
    table.pause_reading = pause_reading;
    table.resume_reading = resume_reading;
    table.now = now;
    table.set_deadline = set_deadline;
    table.switch_to = switch_to;
    table.queued = queued;
    table.closing = closing;
    table.id = id;
    table.endpoint = endpoint;
    table.credentials = credentials;
    table.security = security;
    table.failed = failed;
}

}  // namespace

sb_host host_table() noexcept {
    sb_host table{};
    table.struct_size = sizeof table;
    table.abi_version = SB_ABI;
    table.version = SWITCHBOARD_VERSION;
    add_peer_calls(table);
    add_datagram_calls(table);
    add_reactor_calls(table);
    return table;
}

}  // namespace switchboard::plugin_host
