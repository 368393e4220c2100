// Errors: one category of our own, and a Result that also says what was tried.
#pragma once

#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace switchboard {

// What can go wrong here that no errno names. Errors of the system keep their own code
// (std::system_category), errors of getaddrinfo have resolver_category().
enum class errc {
    handler_failed = 1,    // a callback threw, or claimed more bytes than it was given
    message_too_large,     // a handler left more than max_unread, or a frame passed its maximum
    write_queue_full,      // more than max_queued bytes wait for a peer that does not read
    connect_timed_out,     // connect_timeout; equals std::errc::timed_out
    first_byte_timed_out,  // first_byte_timeout; equals std::errc::timed_out
    idle_timed_out,        // idle_timeout; equals std::errc::timed_out
    lifetime_over,         // lifetime; equals std::errc::timed_out
    write_stalled,         // write_stall_timeout without progress; equals std::errc::timed_out
    close_timed_out,       // close_timeout while flushing; equals std::errc::timed_out
    lookup_timed_out,      // the time a name look-up may take; equals std::errc::timed_out
    stopping,              // the driver was stopped, drained past its deadline, or destroyed
    too_many_connections,  // max_connections
    incomplete_message,    // the peer ended before the message was whole
    malformed_message,     // bytes that the protocol does not allow
    file_too_short,        // send_file: the file ended before its range did
    bad_endpoint,          // text that is no endpoint
    bad_option,            // an option or limit that is unknown or out of range
    unknown_protocol,      // no such name in the Registry
    needs_reactor,         // this protocol opens connections itself: no blocking driver can run it
    datagram_truncated,    // larger than max_datagram; equals std::errc::message_size
    unsupported,           // this system, driver or build cannot do it
    forked,                // a reactor in a child of the process that made it
    errors_left_out,       // of datagrams: more kinds of errors at once than are told one by one
};

const std::error_category& category() noexcept;           // named "switchboard"
const std::error_category& resolver_category() noexcept;  // values are EAI_*; man 3 gai_strerror
std::error_code make_error_code(errc) noexcept;

// An error_code and what was tried when it came: "listen tcp://127.0.0.1:80: permission denied".
// Converts to the bare code, so `error == std::errc::permission_denied` reads as one expects.
class Error {
public:
    Error(std::error_code code, std::string tried) : code_(code), tried_(std::move(tried)) {}
    Error(std::error_code code) : code_(code) {}
    Error(errc code) : code_(make_error_code(code)) {}

    const std::error_code& code() const noexcept { return code_; }
    const std::string& tried() const noexcept { return tried_; }
    std::string message() const;  // "<tried>: <what was wrong>", one line, no full stop
    operator std::error_code() const noexcept { return code_; }

    friend bool operator==(const Error& e, const std::error_code& c) { return e.code_ == c; }
    friend bool operator==(const Error& e, const std::error_condition& c) { return e.code_ == c; }
    friend bool operator==(const Error& e, std::errc c) { return e.code_ == c; }
    friend bool operator==(const Error& e, errc c) { return e.code_ == make_error_code(c); }

private:
    std::error_code code_;
    std::string tried_;
};

// What set-up calls return. On the data path errors arrive only through Protocol::on_close.
template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::error_code code, std::string tried) {
    return tl::unexpected<Error>(Error(code, std::move(tried)));
}
inline tl::unexpected<Error> fail(errc code, std::string tried) {
    return fail(make_error_code(code), std::move(tried));
}
tl::unexpected<Error> fail_errno(std::string tried);  // with errno as it stands

}  // namespace switchboard

template <>
struct std::is_error_code_enum<switchboard::errc> : std::true_type {};
