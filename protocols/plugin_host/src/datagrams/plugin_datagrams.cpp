#include "plugin_datagrams.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "address.hpp"
#include "text.hpp"

namespace switchboard::plugin_host {

Result<std::unique_ptr<DatagramProtocol>> PluginDatagrams::make(const sb_datagrams& calls,
                                                                std::shared_ptr<Service> service) {
    auto made = std::make_unique<PluginDatagrams>(calls, std::move(service));
    return made->create().map([&] { return std::unique_ptr<DatagramProtocol>(std::move(made)); });
}

PluginDatagrams::PluginDatagrams(const sb_datagrams& calls, std::shared_ptr<Service> service)
    : calls_(calls),
      service_(std::move(service)),
      socket_(service_->running->sockets().take()),
      state_(std::make_unique<std::byte[]>(calls.state_size)) {}

Result<void> PluginDatagrams::create() {
    try {
        if (calls_.create && calls_.create(state(), service_->data) != 0)
            return fail(errc::handler_failed, "create() refused the socket");
    } catch (const std::exception& thrown) {
        return fail(errc::handler_failed, "create() threw: " + one_line(thrown.what()));
    } catch (...) {
        return fail(errc::handler_failed, "create() threw an unknown exception");
    }
    created_ = true;
    return {};
}

PluginDatagrams::~PluginDatagrams() {
    try {
        if (created_ && calls_.destroy) calls_.destroy(state());
    } catch (...) {
        threw("destroy");
    }
    socket_.socket = nullptr;
    socket_.failure.reset();
    socket_.plugin.sockets().give_back(socket_);
}

void PluginDatagrams::on_open(DatagramSocket& socket) {
    socket_.socket = &socket;
    call(calls_.on_open);
}

void PluginDatagrams::on_datagrams(DatagramSocket& socket, std::span<Datagram> in) {
    constexpr std::size_t kMost = 64;
    std::array<sb_datagram, kMost> part;
    while (!in.empty() && !socket.closing()) {
        const auto now = in.first(std::min(in.size(), kMost));
        std::transform(now.begin(), now.end(), part.begin(), [](const Datagram& each) {
            return sb_datagram{reinterpret_cast<unsigned char*>(each.data.data()), each.data.size(),
                               plugin::to_c(each.from)};
        });
        calls_.on_datagrams(state(), &socket_, part.data(), now.size());
        throw_failure();
        in = in.subspan(now.size());
    }
}

void PluginDatagrams::on_error(DatagramSocket&, const DatagramError& error) {
    if (!calls_.on_error) return;
    const sb_datagram_error theirs{.struct_size = sizeof theirs,
                                   .earlier = error.earlier ? 1 : 0,
                                   .error = socket_.plugin.to_c(error.code),
                                   .peer = plugin::to_c(error.peer),
                                   .size = error.size,
                                   .count = error.count};
    calls_.on_error(state(), &socket_, &theirs);
    throw_failure();
}

void PluginDatagrams::on_close(std::error_code reason) noexcept {
    try {
        if (calls_.on_close) calls_.on_close(state(), socket_.plugin.to_c(reason));
    } catch (...) {
        threw("on_close");
    }
    socket_.socket = nullptr;
}

void PluginDatagrams::call(void (*callback)(void*, sb_socket*)) {
    if (callback) callback(state(), &socket_);
    throw_failure();
}

void PluginDatagrams::throw_failure() {
    if (!socket_.failure) return;
    const auto why = std::exchange(socket_.failure, nullptr);
    throw std::runtime_error(*why);
}

void PluginDatagrams::threw(const char* name) const noexcept {
    socket_.plugin.log(LogLevel::error, name, "() of a socket threw, which it must not");
}

}  // namespace switchboard::plugin_host
