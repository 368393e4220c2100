// asio-coro: like asio, with a coroutine for each connection. The difference is the cost of coroutines.
#include <asio.hpp>

#include "peer.h"

namespace {

using Stream = asio::generic::stream_protocol;  // TCP or a unix socket
using Executor = asio::io_context::executor_type;
using Peer = asio::basic_stream_socket<Stream, Executor>;
using Acceptor = asio::basic_socket_acceptor<Stream, Executor>;
using Task = asio::awaitable<void, Executor>;

constexpr asio::use_awaitable_t<Executor> kAwaited;

// Uses error codes, because every connection ends with an error, and exceptions are slow.
Task echo(Peer socket) {
    char buffer[kReadSize];
    std::error_code error;
    auto checked = asio::redirect_error(kAwaited, error);
    for (;;) {
        const std::size_t got = co_await socket.async_read_some(asio::buffer(buffer), checked);
        if (error) co_return;
        co_await asio::async_write(socket, asio::buffer(buffer, got), checked);
        if (error) co_return;
    }
}

Task serve(Acceptor& acceptor) {
    for (;;) {
        Peer peer = co_await acceptor.async_accept(kAwaited);
        asio::co_spawn(acceptor.get_executor(), echo(std::move(peer)), asio::detached);
    }
}

void end_on(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

}  // namespace

int main(int argc, char** argv) {
    asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);  // no locks: there is one thread
    const Stream kind(argc > 1 ? AF_UNIX : AF_INET, 0);
    Acceptor acceptor(context, kind, listen_as_told(argc, argv, "asio-coro"));
    asio::co_spawn(context, serve(acceptor), end_on);
    context.run();
}
