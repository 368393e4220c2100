// asio-coro: as asio, with a coroutine for each connection. The difference is what coroutines cost.
#include <asio.hpp>

#include "peer.h"

namespace {

using Stream = asio::generic::stream_protocol;  // TCP or a unix socket
using Acceptor = asio::basic_socket_acceptor<Stream>;

// The peer's end is no exception: each connection has one.
asio::awaitable<void> echo(Stream::socket socket) {
    char buffer[kReadSize];
    std::error_code error;
    auto checked = asio::redirect_error(asio::use_awaitable, error);
    for (;;) {
        const std::size_t got = co_await socket.async_read_some(asio::buffer(buffer), checked);
        if (error) co_return;
        co_await asio::async_write(socket, asio::buffer(buffer, got), checked);
        if (error) co_return;
    }
}

asio::awaitable<void> serve(Acceptor& acceptor) {
    for (;;) {
        Stream::socket peer = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(acceptor.get_executor(), echo(std::move(peer)), asio::detached);
    }
}

void end_on(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

}  // namespace

int main(int argc, char** argv) {
    asio::io_context context(1);  // one thread runs it
    const Stream kind(argc > 1 ? AF_UNIX : AF_INET, 0);
    Acceptor acceptor(context, kind, listen_as_told(argc, argv, "asio-coro"));
    asio::co_spawn(context, serve(acceptor), end_on);
    context.run();
}
