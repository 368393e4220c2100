// Boost.Beast: answers every request with a page of SIZE bytes, with callbacks on one thread.
#define BOOST_ERROR_CODE_HEADER_ONLY
#include <utility>  // Asio 1.74 needs it, and does not include it

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <string>

#include "peer.h"

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Kind = asio::generic::stream_protocol;  // TCP or a unix socket
using Executor = asio::io_context::executor_type;
using Peer = asio::basic_stream_socket<Kind, Executor>;
using Acceptor = asio::basic_socket_acceptor<Kind, Executor>;

class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Peer socket, const std::string& page) : socket_(std::move(socket)), page_(page) {}

    // The session, and its connection, end when no callback holds it any more.
    void read() {
        request_ = {};
        http::async_read(socket_, buffer_, request_,
                         [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                             if (!error) self->write();
                         });
    }

private:
    void write() {
        answer_ = {http::status::ok, request_.version()};
        answer_.set(http::field::content_type, "text/plain");
        answer_.keep_alive(request_.keep_alive());
        answer_.body() = {page_.data(), page_.size()};
        answer_.prepare_payload();
        http::async_write(
            socket_, answer_,
            [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                if (!error) self->read();
            });
    }

    Peer socket_;
    const std::string& page_;
    boost::beast::flat_buffer buffer_;
    http::request<http::empty_body> request_;
    http::response<http::span_body<const char>> answer_;
};

void accept_next(Acceptor& acceptor, const std::string& page) {
    acceptor.async_accept([&acceptor, &page](boost::system::error_code error, Peer peer) {
        if (error) throw boost::system::system_error(error, "accept");
        std::make_shared<Session>(std::move(peer), page)->read();
        accept_next(acceptor, page);
    });
}

std::string page_of(std::size_t size) {
    const std::string text = "Hello, world!\n";
    std::string page;
    while (page.size() < size) page += text.substr(0, size - page.size());
    return page;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string page = page_of(argc > 1 ? std::stoul(argv[1]) : 14);
    asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);  // no locks: there is one thread
    const Kind kind(argc > 2 ? AF_UNIX : AF_INET, 0);
    Acceptor acceptor(context, kind, listen_as_told(argc - 1, argv + 1, "beast"));
    accept_next(acceptor, page);
    context.run();
}
