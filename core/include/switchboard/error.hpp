// Errors: the library's error codes, and Result<T>, whose Error also says what was being done.
#pragma once

#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace switchboard {

// Errors that have no errno value. Errors of the system keep their own code (std::system_category). Errors
// of getaddrinfo(3) are in resolver_category().
enum class errc {
    handler_failed = 1,  // a callback threw, or claimed more bytes than it was given
    message_too_large,   // more than max_read_buffer bytes left unused, or a frame over its maximum
    write_queue_full,    // more than max_write_buffer bytes queued: the peer does not read
    connect_timed_out,   // connect_timeout; equals std::errc::timed_out
    first_byte_timed_out,  // first_byte_timeout; equals std::errc::timed_out
    idle_timed_out,        // idle_timeout; equals std::errc::timed_out
    connection_age_over,   // max_connection_age; equals std::errc::timed_out
    write_stalled,         // write_stall_timeout without progress; equals std::errc::timed_out
    close_timed_out,       // close_timeout while flushing; equals std::errc::timed_out
    lookup_timed_out,      // the time-out of a name look-up; equals std::errc::timed_out
    stopping,              // the driver was stopped, drained past its deadline, or destroyed
    too_many_connections,  // max_connections
    incomplete_message,    // the peer closed before the message was complete
    malformed_message,     // bytes that the protocol does not allow
    file_too_short,        // send_file: the file ended before the range did
    bad_endpoint,          // the text is not an endpoint
    bad_option,            // an unknown option or limit, or a value out of range
    unknown_protocol,      // the Registry has no protocol of that name
    needs_reactor,         // the protocol opens connections itself: no blocking driver can run it
    datagram_truncated,    // larger than max_datagram; equals std::errc::message_size
    unsupported,           // this system, driver or build cannot do it
    forked,                // a reactor used in a child of the process that made it
    errors_left_out,       // datagrams: too many kinds of errors at once to report each
    plugin_refused,        // the file is not a plugin that this program can use
};

const std::error_category& category() noexcept;           // named "switchboard"
const std::error_category& resolver_category() noexcept;  // values are EAI_*; man 3 gai_strerror
std::error_code make_error_code(errc) noexcept;

// An error_code and its context, that is, what was being done: "listen tcp://127.0.0.1:80: permission
// denied". Converts to the error_code, so `error == std::errc::permission_denied` works.
class Error {
public:
    Error(std::error_code code, std::string context) : code_(code), context_(std::move(context)) {}
    Error(std::error_code code) : code_(code) {}
    Error(errc code) : code_(make_error_code(code)) {}

    const std::error_code& code() const noexcept { return code_; }
    const std::string& context() const noexcept { return context_; }
    std::string message() const;  // "<context>: <what went wrong>", one line, no full stop
    operator std::error_code() const noexcept { return code_; }

    friend bool operator==(const Error& e, const std::error_code& c) { return e.code_ == c; }
    friend bool operator==(const Error& e, const std::error_condition& c) { return e.code_ == c; }
    friend bool operator==(const Error& e, std::errc c) { return e.code_ == c; }
    friend bool operator==(const Error& e, errc c) { return e.code_ == make_error_code(c); }

private:
    std::error_code code_;
    std::string context_;
};

// The return type of set-up functions: a value or an Error. On the data path, errors arrive only through
// Protocol::on_close. Functions that return it are [[nodiscard]]. To use it:
//
//     const auto listening = reactor.listen(endpoint, factory);
//     if (!listening) return report(listening.error().message());
//     use(listening->local);                                  // *listening is the value
//     if (const auto sent = socket.send_all(bytes); !sent)    // a Result<void> has only the error
//         return report(sent.error().message());
//
// `value()` throws tl::bad_expected_access if there is an error; a Result<void> has no value().
template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::error_code code, std::string context) {
    return tl::unexpected<Error>(Error(code, std::move(context)));
}
inline tl::unexpected<Error> fail(errc code, std::string context) {
    return fail(make_error_code(code), std::move(context));
}
tl::unexpected<Error> fail_errno(std::string context);  // with the current errno

}  // namespace switchboard

template <>
struct std::is_error_code_enum<switchboard::errc> : std::true_type {};
