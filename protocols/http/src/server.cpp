#include <stdexcept>
#include <switchboard/http.hpp>

#include "files/gzip_answer.hpp"
#include "router.hpp"
#include "server_protocol.hpp"
#include "syntax.hpp"

namespace switchboard::http {

Server::Server(ServerOptions options)
    : options_(std::move(options)), router_(std::make_shared<detail::Router>()) {
    if (options_.limits.max_fields > detail::kMostFields)
        throw std::invalid_argument("HTTP limit max_fields is over 100");
    if (!detail::all_of(detail::kValueChars, options_.server_field))
        throw std::invalid_argument("the HTTP field Server has a control character");
}

Server& Server::route(std::string_view method, std::string_view pattern, Handler handler,
                      RouteOptions options) {
    router_->add(method, pattern, {.handler = std::move(handler), .options = options});
    return *this;
}

Server& Server::otherwise(Handler handler) {
    router_->set_otherwise(std::move(handler));
    return *this;
}

ProtocolFactory Server::factory() const {
    auto pool = options_.gzip ? std::make_shared<DeflatePool>(detail::kAnswerDeflate) : nullptr;
    auto shared =
        std::make_shared<const detail::Shared>(detail::Shared{options_, router_, std::move(pool)});
    return
        [shared = std::move(shared)] { return std::make_unique<detail::ServerProtocol>(shared); };
}

}  // namespace switchboard::http
