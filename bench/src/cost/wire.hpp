// A client's end of a connection, in plain text or encrypted.
#pragma once

#include <cstddef>
#include <memory>
#include <switchboard/endpoint.hpp>
#include <switchboard/socket.hpp>

struct ssl_st;  // SSL of OpenSSL

namespace switchboard::bench {

// Blocking; every call times out after ten seconds (a server under valgrind is slow). With TLS, the
// certificate is not verified, no session is resumed, and what one call sends is one record up to 16 KiB.
class Wire {
public:
    static Result<Wire> open(const Endpoint& server, bool tls);

    Result<void> send_all(Bytes bytes) const;
    // Returns at least one byte; errc::incomplete_message if the server has closed the connection.
    Result<std::size_t> receive(MutableBytes into) const;

private:
    struct Free {
        void operator()(ssl_st* session) const noexcept;
    };
    explicit Wire(Socket socket) : socket_(std::move(socket)) {}
    Result<void> encrypt();

    Socket socket_;
    std::unique_ptr<ssl_st, Free> session_;  // null: plain text
};

}  // namespace switchboard::bench
