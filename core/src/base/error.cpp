#include <switchboard/error.hpp>

#include <netdb.h>
#include <cerrno>

namespace switchboard {
namespace {

const char* describe(errc code) {
    switch (code) {
        case errc::handler_failed: return "the protocol handler failed";
        case errc::message_too_large: return "message too large";
        case errc::write_queue_full: return "the peer reads too slowly: write queue full";
        case errc::connect_timed_out: return "connect timed out";
        case errc::first_byte_timed_out: return "the peer sent nothing: timed out";
        case errc::idle_timed_out: return "the connection was idle: timed out";
        case errc::connection_age_over: return "the maximum connection age was reached";
        case errc::write_stalled: return "the peer stopped reading: write timed out";
        case errc::close_timed_out: return "the peer stopped reading: close timed out";
        case errc::lookup_timed_out: return "name look-up timed out";
        case errc::stopping: return "the server is stopping";
        case errc::too_many_connections: return "too many connections";
        case errc::incomplete_message: return "the peer closed before the message was complete";
        case errc::malformed_message: return "malformed message";
        case errc::file_too_short: return "the file is shorter than the range to send";
        case errc::bad_endpoint: return "bad endpoint";
        case errc::bad_option: return "bad option";
        case errc::unknown_protocol: return "unknown protocol";
        case errc::needs_reactor: return "this protocol needs the reactor driver";
        case errc::datagram_truncated: return "the datagram is larger than max_datagram";
        case errc::unsupported: return "not supported here";
        case errc::forked: return "the reactor belongs to the parent process";
        case errc::errors_left_out: return "more kinds of errors than are reported";
        case errc::end_of_input: return "the peer has closed: no more input";
        case errc::plugin_refused: return "the plugin was refused";
    }
    return "unknown error";
}

class Category final : public std::error_category {
public:
    const char* name() const noexcept override { return "switchboard"; }
    std::string message(int value) const override { return describe(static_cast<errc>(value)); }
    std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<errc>(value)) {
            case errc::connect_timed_out:
            case errc::lookup_timed_out:
            case errc::first_byte_timed_out:
            case errc::idle_timed_out:
            case errc::connection_age_over:
            case errc::write_stalled:
            case errc::close_timed_out: return std::errc::timed_out;
            case errc::datagram_truncated:
            case errc::message_too_large: return std::errc::message_size;
            case errc::unsupported: return std::errc::not_supported;
            default: return {value, *this};
        }
    }
};

class ResolverCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "resolver"; }
    std::string message(int value) const override { return gai_strerror(value); }
};

std::string lower_first(std::string text) {
    const bool word = text.size() > 1 && text[1] >= 'a' && text[1] <= 'z';
    if (word && text[0] >= 'A' && text[0] <= 'Z')
        text[0] = static_cast<char>(text[0] + ('a' - 'A'));
    return text;
}

}  // namespace

const std::error_category& category() noexcept {
    static const Category instance;
    return instance;
}

const std::error_category& resolver_category() noexcept {
    static const ResolverCategory instance;
    return instance;
}

std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), category()};
}

std::string Error::message() const {
    const std::string wrong = lower_first(code_.message());
    return context_.empty() ? wrong : context_ + ": " + wrong;
}

tl::unexpected<Error> fail_errno(std::string context) {
    return fail(std::error_code(errno, std::system_category()), std::move(context));
}

}  // namespace switchboard
