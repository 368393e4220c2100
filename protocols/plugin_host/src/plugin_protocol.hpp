// PluginProtocol: calls the callbacks of a plugin for one connection.
#pragma once

#include <cstring>
#include <exception>
#include <memory>
#include <switchboard/connection.hpp>
#include <switchboard/protocol.hpp>

#include "plugin.hpp"

namespace switchboard::plugin_host {

// Lies in a block, between the sb_peer and the state of the plugin. So a connection takes one allocation.
class PluginProtocol final : public Protocol {
public:
    // Null if the plugin refuses the connection. Throws what its create() throws. `data` is what create() is
    // given.
    static std::unique_ptr<Protocol> make(StreamTable& stream, std::shared_ptr<Service> service,
                                          void* data);
    // For a connection that the plugin asks for. What create() throws is logged, and null is returned.
    static std::unique_ptr<Protocol> make_for(StreamTable& stream, std::shared_ptr<Service> service,
                                              void* data);
    static void* state_of(sb_peer* peer) noexcept {
        return reinterpret_cast<std::byte*>(peer) + kHead;
    }
    static constexpr std::size_t block_size(std::size_t state_size) noexcept {
        return kHead + state_size;
    }
    ~PluginProtocol() override;
    void* operator new(std::size_t) = delete;  // only make() makes one
    // NOLINTNEXTLINE(misc-new-delete-overloads): make() takes the memory.
    void operator delete(void* object) noexcept;

    void on_open(Connection& connection) override;
    std::size_t on_data(Connection&, MutableBytes in) override {
        const std::size_t used = calls().on_data(
            state(), peer(), reinterpret_cast<unsigned char*>(in.data()), in.size());
        if (peer()->failure) [[unlikely]]
            give_up();
        return used;
    }
    void on_writable(Connection&) override { call(calls().on_writable); }
    void on_resume(Connection&) override { call(calls().on_resume); }
    void on_eof(Connection& connection) override {
        calls().on_eof ? call(calls().on_eof) : Protocol::on_eof(connection);
    }
    void on_deadline(Connection& connection) override {
        calls().on_deadline ? call(calls().on_deadline) : Protocol::on_deadline(connection);
    }
    void on_shutdown(Connection&) override { call(calls().on_shutdown); }
    void on_close(std::error_code reason) noexcept override;
    bool is_busy() const noexcept override { return ask(calls().is_busy, "is_busy"); }
    bool reads_under_backpressure() const noexcept override {
        return ask(calls().reads_under_backpressure, "reads_under_backpressure");
    }
    std::string_view label() const noexcept override { return service_->label; }

private:
    static constexpr std::size_t kAlignment = alignof(std::max_align_t);
    static constexpr std::size_t aligned(std::size_t size) noexcept {
        return (size + kAlignment - 1) / kAlignment * kAlignment;
    }
    static const std::size_t kHead;  // what lies in front of the state

    PluginProtocol(sb_peer* peer, std::shared_ptr<Service> service) noexcept
        : peer_(peer), service_(std::move(service)) {}

    void* state() const noexcept { return state_of(peer_); }
    sb_peer* peer() const noexcept { return peer_; }
    const sb_stream& calls() const noexcept { return peer_->stream->calls; }
    void call(void (*callback)(void*, sb_peer*)) {
        if (callback) callback(state(), peer());
        if (peer()->failure) [[unlikely]]
            give_up();
    }
    bool ask(int (*callback)(const void*), const char* name) const noexcept;
    void threw(const char* name) const noexcept;
    [[noreturn]] void give_up();

    sb_peer* const peer_;
    const std::shared_ptr<Service> service_;
};

inline constexpr std::size_t PluginProtocol::kHead =
    aligned(sizeof(sb_peer)) + aligned(sizeof(PluginProtocol));

}  // namespace switchboard::plugin_host
