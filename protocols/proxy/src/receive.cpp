#include <cassert>
#include <switchboard/layer.hpp>
#include <switchboard/proxy.hpp>
#include <utility>

#include "base/deadline.hpp"
#include "wire.hpp"

namespace switchboard {
namespace {

class ProxyReceiver final : public Layer {
public:
    ProxyReceiver(std::unique_ptr<Protocol> above,
                  std::shared_ptr<const ProxyReceiveOptions> options)
        : Layer(std::move(above), options->limits), options_(std::move(options)) {}

    const Endpoint& peer() const override { return named() ? header_->source : Layer::peer(); }
    const Endpoint& local() const override {
        return named() ? header_->destination : Layer::local();
    }
    Result<PeerCredentials> peer_credentials() const override {
        if (!named()) return Layer::peer_credentials();
        return switchboard::fail(errc::unsupported, "peer credentials behind a proxy");
    }

private:
    void below_opened() override;
    std::size_t take(MutableBytes in) override {
        return is(Phase::connecting) ? take_header(in) : Layer::take(in);
    }
    // Called only until the header is complete. Inlined, it would slow down all later calls.
    [[gnu::noinline]] std::size_t take_header(MutableBytes in);
    void take_eof() override;
    void own_deadline_expired() override { abort(errc::first_byte_timed_out); }
    bool named() const noexcept { return header_ && header_->has_endpoints(); }

    const std::shared_ptr<const ProxyReceiveOptions> options_;
    std::unique_ptr<const ProxyHeader> header_;
    bool begun_ = false;
};

bool is_for_datagrams(const ProxyHeader& header) {
    return header.source.kind() == Endpoint::Kind::udp || header.unix_datagram;
}

Result<ProxyFront> parse_for_stream(Bytes in, std::size_t max_header) {
    return parse_proxy_header(in, max_header).and_then([](ProxyFront front) -> Result<ProxyFront> {
        if (is_for_datagrams(front.header)) return fail(errc::malformed_message, "PROXY header");
        return front;
    });
}

void ProxyReceiver::below_opened() {
    if (!options_->trust.trusts(below().peer())) return open_above();
    if (const auto limit = options_->header_timeout; limit.count() > 0)
        set_own_deadline(detail::deadline_after(now(), limit));
}

std::size_t ProxyReceiver::take_header(MutableBytes in) {
    begun_ = true;
    auto front = parse_for_stream(in, options_->max_header);
    if (!front) {
        abort(front.error());
        return 0;
    }
    if (front->size == 0) return 0;
    header_ = std::make_unique<const ProxyHeader>(std::move(front->header));
    set_own_deadline(Clock::time_point::max());
    open_above();
    return front->size;
}

void ProxyReceiver::take_eof() {
    if (!is(Phase::connecting)) return Layer::take_eof();
    begun_ ? abort(errc::incomplete_message) : close({});
}

Result<void> check(const ProxyReceiveOptions& options) {
    const std::string name = "PROXY protocol ";
    if (options.header_timeout.count() < 0)
        return fail(errc::bad_option,
                    name + "header_timeout=" + std::to_string(options.header_timeout.count()) +
                        "ms: must not be negative");
    if (options.max_header < detail::kStartSize)
        return fail(errc::bad_option, name + "max_header=" + std::to_string(options.max_header) +
                                          ": must be at least 16");
    return options.limits.check();
}

}  // namespace

// A header that comes in parts is kept in the driver, which keeps at most max_read_buffer. Whether a header
// is too long must not depend on how it is split.
Result<ProtocolFactory> receive_proxy_header(ProtocolFactory above,
                                             const ProxyReceiveOptions& options) {
    assert(above);
    if (auto fits = check(options); !fits) return tl::unexpected(std::move(fits.error()));
    auto shared = std::make_shared<ProxyReceiveOptions>(options);
    shared->max_header = std::min(options.max_header, options.limits.max_read_buffer);
    return [above = std::move(above), shared = std::shared_ptr<const ProxyReceiveOptions>(
                                          std::move(shared))]() -> std::unique_ptr<Protocol> {
        auto protocol = above();
        if (!protocol) return nullptr;
        return std::make_unique<ProxyReceiver>(std::move(protocol), shared);
    };
}

}  // namespace switchboard
