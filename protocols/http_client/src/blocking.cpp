#include <switchboard/http_client.hpp>
#include <switchboard/reactor.hpp>

namespace switchboard::http {

Result<Reply> send(const Call& call, const ClientOptions& options, CallHooks hooks) try {
    Result<Reply> got = fail(errc::stopping, call.method + " " + call.url);
    Reactor reactor;
    Client client(reactor, options);
    const auto done = [&](Result<Reply> result) {
        got = std::move(result);
        reactor.stop();
    };
    client.send(call, done, std::move(hooks));
    reactor.run();
    return got;
} catch (const std::system_error& error) {
    return fail(error.code(), "make a reactor");
}

Result<Reply> get(const std::string& url, const ClientOptions& options) {
    return send({.url = url}, options);
}

}  // namespace switchboard::http
