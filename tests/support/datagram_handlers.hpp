// Datagram handlers made of lambdas.
#pragma once

#include <functional>
#include <switchboard/datagram.hpp>
#include <utility>

namespace switchboard::test {

// An empty member does what DatagramProtocol does. Datagrams without a handler are discarded.
class Handler final : public DatagramProtocol {
public:
    struct Does {
        std::function<void(DatagramSocket&)> on_open = {};
        std::function<void(DatagramSocket&, Datagram&)> on_datagram = {};
        std::function<void(DatagramSocket&, std::span<Datagram>)> on_datagrams = {};
        std::function<void(DatagramSocket&)> on_writable = {};
        std::function<void(DatagramSocket&, const DatagramError&)> on_error = {};
        std::function<void(DatagramSocket&)> on_deadline = {};
        std::function<void(std::error_code)> on_close = {};
    };
    explicit Handler(Does does) : does_(std::move(does)) {}

    void on_open(DatagramSocket& s) override {
        if (does_.on_open) does_.on_open(s);
    }
    void on_datagram(DatagramSocket& s, Datagram& in) override {
        if (does_.on_datagram) does_.on_datagram(s, in);
    }
    void on_datagrams(DatagramSocket& s, std::span<Datagram> in) override {
        does_.on_datagrams ? does_.on_datagrams(s, in) : DatagramProtocol::on_datagrams(s, in);
    }
    void on_writable(DatagramSocket& s) override {
        if (does_.on_writable) does_.on_writable(s);
    }
    void on_error(DatagramSocket& s, const DatagramError& e) override {
        if (does_.on_error) does_.on_error(s, e);
    }
    void on_deadline(DatagramSocket& s) override {
        does_.on_deadline ? does_.on_deadline(s) : DatagramProtocol::on_deadline(s);
    }
    void on_close(std::error_code why) noexcept override {
        if (does_.on_close) does_.on_close(why);
    }

private:
    Does does_;
};

inline Handler::Does datagram_echo() {
    return {.on_datagram = [](DatagramSocket& s, Datagram& in) { s.send(in.from, in.data); }};
}

}  // namespace switchboard::test
