#include "stream.hpp"

#include <exception>
#include <new>
#include <optional>
#include <switchboard/protocol.hpp>

#include "errors.hpp"
#include "peer.hpp"

namespace switchboard::plugin {
namespace {

// The state of one connection, in memory of the host.
struct State {
    std::optional<Peer> peer;            // from on_open on
    std::unique_ptr<Protocol> protocol;  // its destructor may still use the peer
};

State& state_of(void* self) {
    return *static_cast<State*>(self);
}

// Call it in a catch block.
[[gnu::cold]] void report_failure(sb_peer* peer) noexcept {
    tell_exception([&](const char* what) { host->failed(peer, what); });
}

int make(void* self, void* service) {
    try {
        auto made = static_cast<const Use*>(service)->factory();
        if (!made) return 1;
        new (self) State{{}, std::move(made)};
        return 0;
    } catch (...) {
        tell_exception([](const char* what) { host->log(host, 3, what); });
        return 1;
    }
}

int adopt(void* self, void* service) {
    new (self) State{{}, std::move(*static_cast<std::unique_ptr<Protocol>*>(service))};
    return 0;
}

void destroy(void* self) {
    state_of(self).~State();
}

template <void (Protocol::*Callback)(Connection&)>
void call(void* self, sb_peer* peer) {
    try {
        State& state = state_of(self);
        (*state.protocol.*Callback)(*state.peer);
    } catch (...) {
        report_failure(peer);
    }
}

void on_open(void* self, sb_peer* peer) {
    state_of(self).peer.emplace(peer);
    call<&Protocol::on_open>(self, peer);
}

std::size_t on_data(void* self, sb_peer* peer, unsigned char* in, std::size_t size) {
    try {
        State& state = state_of(self);
        return state.protocol->on_data(*state.peer, {reinterpret_cast<std::byte*>(in), size});
    } catch (...) {
        report_failure(peer);
        return 0;
    }
}

void on_close(void* self, sb_error reason) {
    state_of(self).protocol->on_close(from_c(reason));
}

int is_busy(const void* self) {
    return static_cast<const State*>(self)->protocol->is_busy() ? 1 : 0;
}

int reads_under_backpressure(const void* self) {
    return static_cast<const State*>(self)->protocol->reads_under_backpressure() ? 1 : 0;
}

constexpr sb_stream stream_with(int (*create)(void*, void*)) {
    return {.struct_size = sizeof(sb_stream),
            .reserved = 0,
            .state_size = sizeof(State),
            .create = create,
            .destroy = destroy,
            .on_open = on_open,
            .on_data = on_data,
            .on_writable = call<&Protocol::on_writable>,
            .on_resume = call<&Protocol::on_resume>,
            .on_eof = call<&Protocol::on_eof>,
            .on_deadline = call<&Protocol::on_deadline>,
            .on_shutdown = call<&Protocol::on_shutdown>,
            .on_close = on_close,
            .is_busy = is_busy,
            .reads_under_backpressure = reads_under_backpressure};
}

}  // namespace

Connection& connection_of(void* state) noexcept {
    return *state_of(state).peer;
}

const sb_stream& made_stream() noexcept {
    static constexpr sb_stream made = stream_with(make);
    return made;
}

const sb_stream& adopting_stream() noexcept {
    static constexpr sb_stream adopting = stream_with(adopt);
    return adopting;
}

}  // namespace switchboard::plugin
