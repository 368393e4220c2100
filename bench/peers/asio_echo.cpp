// asio: echo with callbacks on one thread. Asio is a proactor, so a pending read holds a buffer: there is one
// for each connection. The scheduler polls for events before it waits: two epoll_wait(2) per turn. The
// executor has a concrete type, because the default one, any_io_executor, calls through pointers.
#include <asio.hpp>
#include <memory>

#include "peer.h"

namespace {

using Stream = asio::generic::stream_protocol;  // TCP or a unix socket
using Executor = asio::io_context::executor_type;
using Peer = asio::basic_stream_socket<Stream, Executor>;
using Acceptor = asio::basic_socket_acceptor<Stream, Executor>;

class Session : public std::enable_shared_from_this<Session> {
public:
    explicit Session(Peer socket) : socket_(std::move(socket)) {}

    // The session, and its connection, end when no callback holds it any more.
    void read() {
        socket_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](
                                                           std::error_code error, std::size_t got) {
            if (!error) self->write(got);
        });
    }

private:
    void write(std::size_t size) {
        asio::async_write(socket_, asio::buffer(buffer_, size),
                          [self = shared_from_this()](std::error_code error, std::size_t) {
                              if (!error) self->read();
                          });
    }

    Peer socket_;
    char buffer_[kReadSize];
};

void accept_next(Acceptor& acceptor) {
    acceptor.async_accept([&acceptor](std::error_code error, Peer peer) {
        if (error) throw std::system_error(error, "accept");
        std::make_shared<Session>(std::move(peer))->read();
        accept_next(acceptor);
    });
}

}  // namespace

int main(int argc, char** argv) {
    asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);  // no locks: there is one thread
    const Stream kind(argc > 1 ? AF_UNIX : AF_INET, 0);
    Acceptor acceptor(context, kind, listen_as_told(argc, argv, "asio"));
    accept_next(acceptor);
    context.run();
}
