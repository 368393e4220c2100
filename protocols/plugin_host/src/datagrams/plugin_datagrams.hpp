// PluginDatagrams: calls the callbacks of a plugin for one datagram socket.
#pragma once

#include <switchboard/plugin.h>
#include <memory>
#include <string>
#include <switchboard/datagram.hpp>

#include "plugin.hpp"

struct sb_socket {
    explicit sb_socket(switchboard::plugin_host::Plugin& of) noexcept : plugin(of) {}

    switchboard::plugin_host::Plugin& plugin;
    switchboard::DatagramSocket* socket = nullptr;  // null before on_open and after on_close
    std::unique_ptr<const std::string> failure;     // what the plugin gave to socket_failed()
};

namespace switchboard::plugin_host {

class PluginDatagrams final : public DatagramProtocol {
public:
    // `calls` must live as long as the result. Errors: errc::handler_failed if create() refuses or throws.
    [[nodiscard]] static Result<std::unique_ptr<DatagramProtocol>> make(
        const sb_datagrams& calls, std::shared_ptr<Service> service);
    PluginDatagrams(const sb_datagrams& calls, std::shared_ptr<Service> service);
    ~PluginDatagrams() override;

    void on_open(DatagramSocket& socket) override;
    void on_datagram(DatagramSocket& socket, Datagram& in) override {
        on_datagrams(socket, {&in, 1});
    }
    void on_datagrams(DatagramSocket& socket, std::span<Datagram> in) override;
    void on_writable(DatagramSocket&) override { call(calls_.on_writable); }
    void on_error(DatagramSocket&, const DatagramError& error) override;
    void on_deadline(DatagramSocket& socket) override {
        calls_.on_deadline ? call(calls_.on_deadline) : DatagramProtocol::on_deadline(socket);
    }
    void on_close(std::error_code reason) noexcept override;

private:
    [[nodiscard]] Result<void> create();
    void* state() const noexcept { return state_.get(); }
    void call(void (*callback)(void*, sb_socket*));
    void throw_failure();
    void threw(const char* name) const noexcept;

    const sb_datagrams& calls_;
    const std::shared_ptr<Service> service_;
    sb_socket& socket_;
    const std::unique_ptr<std::byte[]> state_;
    bool created_ = false;
};

}  // namespace switchboard::plugin_host
