// Errors: the library's error codes, and Result<T>, whose Error also says what was being done.
#pragma once

#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace switchboard {

// Errors that have no errno value. Errors of the system keep their own code (std::system_category). Errors
// of getaddrinfo(3) are in resolver_category(). The numbers are part of the interface of plugins: none
// changes its meaning, and a new error gets the next number.
enum class errc {
    handler_failed = 1,     // a callback threw, or claimed more bytes than it was given
    message_too_large = 2,  // over max_read_buffer bytes left unused, or a frame over its maximum
    write_queue_full = 3,   // more than max_write_buffer bytes queued: the peer does not read
    connect_timed_out = 4,  // connect_timeout; equals std::errc::timed_out
    first_byte_timed_out = 5,   // first_byte_timeout; equals std::errc::timed_out
    idle_timed_out = 6,         // idle_timeout; equals std::errc::timed_out
    connection_age_over = 7,    // max_connection_age; equals std::errc::timed_out
    write_stalled = 8,          // write_stall_timeout without progress; equals std::errc::timed_out
    close_timed_out = 9,        // close_timeout while flushing; equals std::errc::timed_out
    lookup_timed_out = 10,      // the time-out of a name look-up; equals std::errc::timed_out
    stopping = 11,              // the driver was stopped, drained past its deadline, or destroyed
    too_many_connections = 12,  // max_connections
    incomplete_message = 13,    // the peer closed before the message was complete
    malformed_message = 14,     // bytes that the protocol does not allow
    file_too_short = 15,        // send_file: the file ended before the range did
    bad_endpoint = 16,          // the text is not an endpoint
    bad_option = 17,            // an unknown option or limit, or a value out of range
    unknown_protocol = 18,      // the Registry has no protocol of that name
    needs_reactor = 19,  // the protocol opens connections itself: no blocking driver can run it
    datagram_truncated = 20,  // larger than max_datagram; equals std::errc::message_size
    unsupported = 21,         // this system, driver or build cannot do it
    forked = 22,              // a reactor used in a child of the process that made it
    errors_left_out = 23,     // datagrams: too many kinds of errors at once to report each
    end_of_input = 24,        // the peer has sent its FIN, and everything before it was read
    plugin_refused = 25,      // the file is not a plugin that this program can use
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
