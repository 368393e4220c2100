#include "tunnel.hpp"

#include <switchboard/http_client.hpp>

#include "base/deadline.hpp"

namespace switchboard::http::detail {
namespace {

class Tunnel final : public Protocol {
public:
    Tunnel(TunnelOptions options, std::function<std::unique_ptr<Protocol>()> make)
        : options_(std::move(options)), make_(std::move(make)), parser_(options_.max_head) {}

    void on_open(Connection& connection) override {
        connection.set_deadline(
            switchboard::detail::limit_after(connection.now(), options_.timeout));
        parser_.expect(ReplyTo::connect);
        connection.write("CONNECT " + options_.authority +
                         " HTTP/1.1\r\nHost: " + options_.authority + "\r\n\r\n");
    }
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_eof(Connection& connection) override { connection.close(errc::incomplete_message); }

private:
    void answered(Connection& connection);

    const TunnelOptions options_;
    const std::function<std::unique_ptr<Protocol>()> make_;
    ReplyParser parser_;
};

std::size_t Tunnel::on_data(Connection& connection, MutableBytes in) {
    std::size_t used = 0;
    for (;;) {
        const auto step = parser_.next(as_text(in.subspan(used)));
        used += step.used;
        if (step.event == ReplyParser::Event::head) {
            answered(connection);
            return used;
        }
        if (step.event == ReplyParser::Event::refused) {
            connection.abort(parser_.refusal().code);
            return used;
        }
        if (step.used == 0) return used;
    }
}

void Tunnel::answered(Connection& connection) {
    const unsigned status = parser_.head().status;
    if (status / 100 == 2) {
        connection.set_deadline(switchboard::detail::kNever);
        return connection.switch_to(make_());
    }
    options_.refused(status);
    connection.abort(client_errc::proxy_refused);
}

}  // namespace

std::unique_ptr<Protocol> make_tunnel(TunnelOptions options,
                                      std::function<std::unique_ptr<Protocol>()> make) {
    return std::make_unique<Tunnel>(std::move(options), std::move(make));
}

}  // namespace switchboard::http::detail
