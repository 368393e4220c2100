#include <cassert>
#include <switchboard/layer.hpp>
#include <switchboard/proxy.hpp>
#include <utility>

namespace switchboard {
namespace {

class ProxySender final : public Layer {
public:
    ProxySender(std::unique_ptr<Protocol> above, std::shared_ptr<const ProxySendOptions> options)
        : Layer(std::move(above), options->limits), options_(std::move(options)) {}

private:
    void below_opened() override;

    const std::shared_ptr<const ProxySendOptions> options_;
};

Result<std::string> encode_for(ProxyHeader header, const ProxySendOptions& options) {
    header.version = options.version;
    header.checksum = options.checksum && header.has_endpoints();
    return encode_proxy_header(header);
}

Result<std::string> make_header(const Connection& below, const ProxySendOptions& options) {
    if (options.header_for) return encode_for(options.header_for(below), options);
    auto named = encode_for({.source = below.local(), .destination = below.peer()}, options);
    return named ? named : encode_for({}, options);
}

void ProxySender::below_opened() {
    const auto header = make_header(below(), *options_);
    if (!header) return fail(header.error());
    below().write(*header);
    open_above();
}

}  // namespace

Result<ProtocolFactory> send_proxy_header(ProtocolFactory above, const ProxySendOptions& options) {
    assert(above);
    if (options.version != 1 && options.version != 2)
        return fail(errc::bad_option, "PROXY protocol version=" + std::to_string(options.version) +
                                          ": must be 1 or 2");
    if (options.checksum && options.version == 1)
        return fail(errc::bad_option, "PROXY protocol checksum: version 1 has no checksum");
    if (auto fits = options.limits.check(); !fits) return tl::unexpected(std::move(fits.error()));
    return [above = std::move(above), shared = std::make_shared<const ProxySendOptions>(
                                          options)]() -> std::unique_ptr<Protocol> {
        auto protocol = above();
        if (!protocol) return nullptr;
        return std::make_unique<ProxySender>(std::move(protocol), shared);
    };
}

}  // namespace switchboard
