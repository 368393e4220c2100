// The connections of a client, by origin.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <switchboard/http_client.hpp>
#include <switchboard/reactor.hpp>
#include <vector>

#include "client_protocol.hpp"
#include "http_url.hpp"

namespace switchboard::http::detail {

// A user of the pool that waits for a connection.
class Borrower {
public:
    virtual ~Borrower() = default;
    // The connection is the borrower's until its exchange ends. `kept`: it was used before.
    virtual void lent(ClientProtocol& connection, bool kept) = 0;
    virtual void failed(const Error& error) = 0;
};

// Threading: as for Client. A borrower that is destroyed does not wait any more.
class Pool : public std::enable_shared_from_this<Pool> {
public:
    Pool(Reactor& reactor, const ClientOptions& options);
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // Ends all connections. Nothing can be lent any more.
    void close();

    // Lends an unused connection, or a new one once it is open, or waits for one. With `fresh` only a new
    // one. Call it from within run().
    void lend(const std::shared_ptr<Borrower>& borrower, const Url& url, bool fresh);
    // Plain requests go to the proxy as they are.
    bool sends_to_proxy(const Url& url) const noexcept { return proxy_ && !url.secure; }

private:
    class Line;
    struct Waiting {
        std::weak_ptr<Borrower> borrower;
        bool fresh;
    };
    struct Origin {
        Url url;
        std::vector<std::shared_ptr<Line>> lines;
        std::vector<ClientProtocol*> unused;  // the most recently used one is last
        std::deque<Waiting> waiting;
        bool serving = false;
    };

    Origin& origin_of(const Url& url);
    void sweep();
    void serve(Origin& origin);
    bool serve_one(Origin& origin, const std::shared_ptr<Borrower>& borrower, bool fresh);
    void connect(Origin& origin, const std::shared_ptr<Borrower>& borrower);
    std::unique_ptr<Protocol> stack(const Url& url, const std::shared_ptr<Line>& line);
    void freed(Origin& origin, ClientProtocol& connection);
    void gone(Origin& origin, const Line& line);
    Result<void> prepare(const Url& url);

    Reactor& reactor_;
    const ClientOptions options_;
    const ClientLimits limits_;
    std::optional<Url> proxy_;
    std::optional<Error> bad_options_;
    std::optional<tls::Client> tls_;  // made when it is needed
    std::map<std::string, Origin> origins_;
    std::size_t sweep_at_ = 64;
    bool closed_ = false;
};

}  // namespace switchboard::http::detail
