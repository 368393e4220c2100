#include <switchboard/reactor_exchange.hpp>

#include <memory>
#include <utility>

#include "reactor_impl.hpp"

namespace switchboard {
namespace {

using Reply = Result<std::vector<std::byte>>;

// One exchange in progress. It is shared by the hooks of its connection and its timer.
struct Exchange {
    Reactor& reactor;
    std::string tried;
    ExchangeDone done;
    ConnectionId id = {};  // once it is connected
    TimerId timer = {};
    Reply reply = fail(errc::incomplete_message, "");

    // If the connect failed, its error for each address is used, because it says more than the failed step.
    void finish(const Error& ended) {
        reactor.cancel(timer);
        if (reply) return done(std::move(reply));
        const bool connected = id != ConnectionId{};
        done(fail(reply.error(), connected ? tried + ": " + reply.error().context()
                                           : "exchange: " + ended.context()));
    }
};

// connect_timeout bounds the connect and its look-up. The timer bounds the whole exchange.
ConnectOptions hooks(const std::shared_ptr<Exchange>& exchange, std::chrono::milliseconds timeout) {
    ConnectOptions how;
    how.limits.connect_timeout = timeout;
    how.on_connected = [exchange](ConnectionId id) { exchange->id = id; };
    how.on_ended = [exchange](const Error& error) { exchange->finish(error); };
    return how;
}

}  // namespace

void exchange(Reactor& reactor, const Endpoint& endpoint, std::vector<std::byte> request,
              ExchangeOptions options, ExchangeDone done) {
    const auto made = std::make_shared<Exchange>(
        Exchange{reactor, "exchange " + endpoint.to_string(), std::move(done)});
    const auto timeout = options.timeout;
    const auto layer = std::move(options.layer);
    auto protocol = make_exchange(std::move(request), std::move(options),
                                  [made](Reply reply) { made->reply = std::move(reply); });
    if (layer) protocol = layer(std::move(protocol));
    auto started = reactor.connect(endpoint, std::move(protocol), hooks(made, timeout));
    if (!started) {
        reactor.post([made, error = started.error()] {
            made->done(fail(error.code(), "exchange: " + error.context()));
        });
    } else if (timeout.count() > 0) {
        made->timer = reactor.after(timeout, [made] {
            // Not Reactor::find(), which finds nothing before a layer has opened.
            auto* const open = detail::access(made->reactor).loop.connections.find(made->id);
            if (open) open->abort(std::make_error_code(std::errc::timed_out));
        });
    }
}

}  // namespace switchboard
