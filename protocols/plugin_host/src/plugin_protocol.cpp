#include "plugin_protocol.hpp"

#include <new>
#include <stdexcept>

#include "reactor/reactor_use.hpp"

namespace switchboard::plugin_host {
namespace {

// Returns the block if create() refuses or throws.
struct GiveBack {
    void operator()(sb_peer* peer) const noexcept { peer->stream->blocks.give_back(peer); }
};

}  // namespace

std::unique_ptr<Protocol> PluginProtocol::make(StreamTable& stream,
                                               std::shared_ptr<Service> service, void* data) {
    sb_peer* const peer = stream.blocks.take();
    peer->stream = &stream;
    std::unique_ptr<sb_peer, GiveBack> block(peer);
    peer->service = service.get();
    std::memset(state_of(peer), 0, stream.calls.state_size);
    if (stream.calls.create && stream.calls.create(state_of(peer), data) != 0) return nullptr;
    void* const place = reinterpret_cast<std::byte*>(block.release()) + aligned(sizeof(sb_peer));
    return std::unique_ptr<Protocol>(::new (place) PluginProtocol(peer, std::move(service)));
}

std::unique_ptr<Protocol> PluginProtocol::make_for(StreamTable& stream,
                                                   std::shared_ptr<Service> service, void* data) {
    try {
        return make(stream, std::move(service), data);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (...) {
        stream.plugin.log(LogLevel::error, "create() threw, which it must not");
        return nullptr;
    }
}

PluginProtocol::~PluginProtocol() {
    try {
        if (calls().destroy) calls().destroy(state());
    } catch (...) {
        threw("destroy");
    }
    delete std::exchange(peer_->failure, nullptr);
}

// NOLINTNEXTLINE(misc-new-delete-overloads): make() takes the memory.
void PluginProtocol::operator delete(void* object) noexcept {
    GiveBack()(
        reinterpret_cast<sb_peer*>(static_cast<std::byte*>(object) - aligned(sizeof(sb_peer))));
}

void PluginProtocol::on_open(Connection& connection) {
    peer()->connection = &connection;
    if (sb_reactor* const reactor = service_->reactor) reactor->use->opened(*peer());
    call(calls().on_open);
}

void PluginProtocol::on_close(std::error_code reason) noexcept {
    try {
        if (calls().on_close) calls().on_close(state(), peer()->stream->plugin.to_c(reason));
    } catch (...) {
        threw("on_close");
    }
    if (service_->reactor && peer()->connection) service_->reactor->use->closed(*peer());
    peer()->connection = nullptr;
}

bool PluginProtocol::ask(int (*callback)(const void*), const char* name) const noexcept {
    try {
        return callback && callback(state()) != 0;
    } catch (...) {
        threw(name);
        return false;
    }
}

void PluginProtocol::threw(const char* name) const noexcept {
    peer()->stream->plugin.log(LogLevel::error, std::string(name) + "() threw, which it must not");
}

void PluginProtocol::give_up() {
    const std::unique_ptr<const std::string> why(std::exchange(peer()->failure, nullptr));
    throw std::runtime_error(*why);
}

}  // namespace switchboard::plugin_host
