#include "pool.hpp"

#include <algorithm>
#include <utility>

#include "tunnel.hpp"

namespace switchboard::http::detail {
namespace {

ClientLimits limits_of(const ClientOptions& options) noexcept {
    return {.head = options.head,
            .body_idle = options.body_idle,
            .keep_alive = options.keep_alive,
            .max_head = options.max_head};
}

// "example.org:443", with the port in any case.
std::string authority_with_port(const Url& url) {
    const bool ipv6 = url.host.find(':') != std::string::npos;
    return (ipv6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
}

}  // namespace

// One connection, from the start of its connect to its end. It may outlive the pool.
class Pool::Line final : public ConnectionOwner, public std::enable_shared_from_this<Line> {
public:
    Line(Pool& pool, Origin& origin, const std::shared_ptr<Borrower>& borrower)
        : pool_(&pool), origin_(&origin), borrower_(borrower) {}

    void opened(ClientProtocol& connection) override {
        opened_ = true;
        const auto borrower = std::exchange(borrower_, {}).lock();
        if (borrower) return borrower->lent(connection, false);
        pool_->freed(*origin_, connection);
    }
    void freed(ClientProtocol& connection) override { pool_->freed(*origin_, connection); }
    void gone(ClientProtocol& connection) noexcept override {
        connection_ = nullptr;
        if (!pool_) return;
        std::erase(origin_->unused, &connection);
        leave();
    }
    // The connect has failed, or the connection has ended.
    void ended(const Error& error) {
        if (pool_) leave();
        if (const auto borrower = opened_ ? nullptr : std::exchange(borrower_, {}).lock())
            borrower->failed(Error(error.code(), error.context() + detail_));
    }
    std::unique_ptr<Protocol> make_connection() {
        auto made = std::make_unique<ClientProtocol>(pool_ ? pool_->limits_ : ClientLimits(),
                                                     shared_from_this());
        connection_ = made.get();
        if (!pool_) made->detach();
        return made;
    }
    void refused(unsigned status) { detail_ = ", status " + std::to_string(status); }
    void detach() {
        pool_ = nullptr;
        if (connection_) connection_->detach();
    }

private:
    void leave() {
        const auto keep = shared_from_this();
        std::exchange(pool_, nullptr)->gone(*origin_, *this);
    }

    Pool* pool_;      // null once the pool has forgotten this connection
    Origin* origin_;  // valid as long as the pool
    std::weak_ptr<Borrower> borrower_;
    ClientProtocol* connection_ = nullptr;
    std::string detail_;  // of an error
    bool opened_ = false;
};

Pool::Pool(Reactor& reactor, const ClientOptions& options)
    : reactor_(reactor), options_(options), limits_(limits_of(options)), tls_(options.tls) {
    if (options.per_origin == 0) bad_options_ = Error(errc::bad_option, "per_origin: at least 1");
    if (options.proxy.empty()) return;
    auto proxy = parse_url(options.proxy, kHttpUrl);
    if (proxy && !proxy->secure && proxy->target == "/") {
        proxy_ = std::move(*proxy);
    } else {
        bad_options_ = Error(errc::bad_option, "the proxy must be http://host:port");
    }
}

void Pool::close() {
    closed_ = true;
    for (auto& [key, origin] : origins_) {
        origin.waiting.clear();
        origin.unused.clear();
        for (const auto& line : std::exchange(origin.lines, {})) line->detach();
    }
}

Pool::Origin& Pool::origin_of(const Url& url) {
    sweep();
    const std::string key = sends_to_proxy(url)
                                ? "proxy"
                                : (url.secure ? "https://" : "http://") + authority_with_port(url);
    Origin& origin = origins_[key];
    if (origin.url.host.empty()) origin.url = url;
    return origin;
}

// Forgets origins that have no connections, each time when their number has doubled.
void Pool::sweep() {
    if (origins_.size() < sweep_at_) return;
    std::erase_if(origins_, [](const auto& one) {
        const Origin& origin = one.second;
        return origin.lines.empty() && origin.waiting.empty() && !origin.serving;
    });
    sweep_at_ = std::max<std::size_t>(64, 2 * origins_.size());
}

Result<void> Pool::prepare(const Url& url) {
    if (closed_) return fail(errc::stopping, "the client is closed");
    if (bad_options_) return tl::unexpected(*bad_options_);
    if (!url.secure || tls_) return {};
    auto made = tls::Client::make({.common = {.protocols = {"http/1.1"}}});
    if (!made) return tl::unexpected(made.error());
    tls_ = std::move(*made);
    return {};
}

void Pool::lend(const std::shared_ptr<Borrower>& borrower, const Url& url, bool fresh) {
    if (const auto ready = prepare(url); !ready) return borrower->failed(ready.error());
    Origin& origin = origin_of(url);
    origin.waiting.push_back({borrower, fresh});
    serve(origin);
}

// Also called when a connection fails while this runs; the loop then goes on. A borrower may close the pool.
void Pool::serve(Origin& origin) {
    const auto keep = shared_from_this();
    if (std::exchange(origin.serving, true)) return;
    while (!origin.waiting.empty()) {
        const Waiting first = origin.waiting.front();
        const auto borrower = first.borrower.lock();
        if (borrower && !serve_one(origin, borrower, first.fresh)) break;
        if (!borrower) origin.waiting.pop_front();
    }
    origin.serving = false;
}

// Returns false if there is no connection for the first one that waits.
bool Pool::serve_one(Origin& origin, const std::shared_ptr<Borrower>& borrower, bool fresh) {
    const bool full = origin.lines.size() >= options_.per_origin;
    if (origin.unused.empty() && full) return false;
    origin.waiting.pop_front();
    if (fresh || origin.unused.empty()) {
        if (full) origin.unused.back()->close();
        connect(origin, borrower);
        return true;
    }
    ClientProtocol& connection = *origin.unused.back();
    origin.unused.pop_back();
    borrower->lent(connection, true);
    return true;
}

void Pool::connect(Origin& origin, const std::shared_ptr<Borrower>& borrower) {
    const auto line = std::make_shared<Line>(*this, origin, borrower);
    origin.lines.push_back(line);
    const Url& to = proxy_ ? *proxy_ : origin.url;
    ConnectOptions how;
    how.limits.connect_timeout = options_.connect;
    how.on_ended = [line](const Error& error) { line->ended(error); };
    const auto started =
        reactor_.connect(Endpoint::tcp(to.host, to.port), stack(origin.url, line), std::move(how));
    if (!started) line->ended(started.error());
}

std::unique_ptr<Protocol> Pool::stack(const Url& url, const std::shared_ptr<Line>& line) {
    if (!url.secure) return line->make_connection();
    auto secured = [tls = *tls_, line, host = url.host] {
        return tls.wrap(host, line->make_connection());
    };
    if (!proxy_) return secured();
    return make_tunnel({.authority = authority_with_port(url),
                        .timeout = options_.connect,
                        .max_head = options_.max_head,
                        .refused = [line](unsigned status) { line->refused(status); }},
                       std::move(secured));
}

void Pool::freed(Origin& origin, ClientProtocol& connection) {
    origin.unused.push_back(&connection);
    serve(origin);
}

void Pool::gone(Origin& origin, const Line& line) {
    std::erase_if(origin.lines, [&](const auto& one) { return one.get() == &line; });
    serve(origin);
}

}  // namespace switchboard::http::detail
