#include "datagrams.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace switchboard::detail {

DatagramHandle::DatagramHandle(std::pmr::memory_resource* memory, Loop& loop, Datagrams& owner,
                               std::uint64_t id, Socket opened, Endpoint local,
                               std::unique_ptr<DatagramProtocol> protocol,
                               const DatagramLimits& limits, DatagramIo& io,
                               const SourceLocation& location)
    : OwnedSocket{std::move(opened)},
      SocketPort(socket, std::move(local), std::move(protocol), limits, io, memory),
      WheelNode(Kind::datagram),
      made(location),
      loop_(loop),
      owner_(owner),
      id_(id) {}

std::error_code DatagramHandle::start() {
    if (const auto error = loop_.watches.start(socket.fd(), interest_, on_poll, this)) return error;
    loop_.hold();
    ++loop_.stats.open;
    ++loop_.stats.datagram_sockets;
    schedule_end_of_turn();
    return {};
}

// When libuv reports an error, such as an ICMP error, it has stopped watching. Reading takes the error from
// the socket.
void DatagramHandle::on_poll(uv_poll_t* handle, int status, int events) {
    auto& self = *static_cast<DatagramHandle*>(handle->data);
    if (!self.loop_.clock_is_fresh()) self.loop_.run_due_timers();
    if (self.is_closed()) return;
    if (status < 0) self.interest_ = 0;
    if ((events & UV_WRITABLE) != 0) self.blocked_ = false;
    if (!self.reads()) {
        if (status < 0) self.take_error();
    } else if (status < 0 || (events & UV_READABLE) != 0) {
        self.read();
    }
    self.process_pending();
}

void DatagramHandle::transmit() {
    if (!blocked_) blocked_ = !send_queue();
}

void DatagramHandle::process_pending() {
    const bool more = settle();
    loop_.after_callback("a callback for datagrams");
    if (is_closed()) return gone();
    schedule(next_timer());
    update_interest();
    if (more) schedule_end_of_turn();
}

// Looked up again by its id, because it may be destroyed by then.
void DatagramHandle::schedule_end_of_turn() {
    if (std::exchange(listed_, true)) return;
    loop_.at_end_of_turn([owner = &owner_, id = id_] {
        const auto found = owner->handles_.find(id);
        if (found != owner->handles_.end()) found->second->end_of_turn();
    });
}

void DatagramHandle::end_of_turn() {
    listed_ = false;
    if (is_closed()) return;
    open();
    process_pending();
}

void DatagramHandle::expire_now() {
    if (is_closed()) return;
    expire(loop_.now());
    process_pending();
}

void DatagramHandle::schedule(Clock::time_point when) {
    if (when != Clock::time_point::max()) loop_.file_by(*this, loop_.tick_at(when));
}

void DatagramHandle::update_interest() {
    const int wanted = (reads() ? int{UV_READABLE} : 0) | (blocked_ ? int{UV_WRITABLE} : 0);
    if (wanted == interest_) return;
    interest_ = wanted;
    if (const auto error = loop_.watches.change(socket.fd(), wanted, on_poll)) abort(error);
}

void DatagramHandle::end(std::error_code reason) {
    if (is_closed()) return;
    finish(reason);
    gone();
}

void DatagramHandle::abandon() {
    forget_protocol();
    end({});
}

void DatagramHandle::gone() {
    if (std::exchange(gone_, true)) return;
    loop_.wheel.remove(*this);
    if (reason() == errc::handler_failed) {
        ++loop_.stats.handler_failures;
        loop_.log(LogLevel::error, "datagrams at " + local().to_string() + ": " + failure());
    }
    loop_.watches.stop(socket.fd());
    socket.close();
    loop_.after_events([owner = &owner_, id = id_] { owner->handles_.erase(id); });
    --loop_.stats.open;
    --loop_.stats.datagram_sockets;
    loop_.unhold();
    loop_.touched();
    if (loop_.connection_gone) loop_.connection_gone();
}

Result<DatagramBound> Datagrams::add(Socket socket, const Endpoint& local,
                                     std::unique_ptr<DatagramProtocol> protocol,
                                     const DatagramLimits& limits,
                                     const SourceLocation& location) try {
    if (!io_) io_ = std::make_unique<DatagramIo>();
    const std::uint64_t id = ++last_;
    InResource<DatagramHandle> made(
        make_in<DatagramHandle>(loop_.memory(), loop_, *this, id, std::move(socket), local,
                                std::move(protocol), limits, *io_, location));
    auto& handle = *handles_.emplace(id, std::move(made)).first->second;
    try {
        if (const auto error = handle.start()) {
            handles_.erase(id);
            return fail(error, "watch " + local.to_string());
        }
    } catch (const std::bad_alloc&) {  // it is already watched
        handle.abandon();
        throw;
    }
    return DatagramBound{{id}, local};
} catch (const std::bad_alloc&) {
    return fail(std::make_error_code(std::errc::not_enough_memory), "watch " + local.to_string());
}

DatagramHandle* Datagrams::find(std::uint64_t id) noexcept {
    const auto found = handles_.find(id);
    return found != handles_.end() && found->second->is_open() ? found->second.get() : nullptr;
}

template <class Act>
void Datagrams::for_each(Act act) {
    std::vector<std::uint64_t> ids;
    for (const auto& [id, handle] : handles_) ids.push_back(id);
    for (const std::uint64_t id : ids) {
        const auto found = handles_.find(id);
        if (found != handles_.end()) act(*found->second);
    }
}

void Datagrams::count(ReactorStats& stats) const noexcept {
    if (!io_) return;
    stats.datagrams_in = io_->receiver.received();
    stats.datagrams_out = io_->sender.sent();
}

void Datagrams::close_all() {
    for_each([](DatagramHandle& handle) { handle.close(errc::stopping); });
}

void Datagrams::abandon_all() {
    for_each([](DatagramHandle& handle) { handle.abandon(); });
}

void Datagrams::end_all(std::error_code reason) {
    for_each([&](DatagramHandle& handle) { handle.end(reason); });
}

}  // namespace switchboard::detail
