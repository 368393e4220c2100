#include "request_text.hpp"

#include <algorithm>
#include <iterator>

#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

// Fields that the client sets, or that speak about one connection.
bool is_reserved(std::string_view name) noexcept {
    return is_one_of(
        name, {"host", "connection", "content-length", "transfer-encoding", "expect", "upgrade",
               "te", "trailer", "keep-alive", "proxy-connection", "proxy-authorization"});
}

tl::unexpected<Error> invalid(const std::string& what) {
    return fail(errc::bad_option, what);
}

// A server may wait for the body of these methods unless the length says that there is none.
bool says_length(const Call& call) noexcept {
    return !call.body.empty() || call.method == "POST" || call.method == "PUT" ||
           call.method == "PATCH";
}

}  // namespace

Result<void> check_call(const Call& call) {
    if (!is_token(call.method)) return invalid("the method is no token");
    if (call.method == "CONNECT") return invalid("CONNECT is for proxies");
    for (const auto& [name, value] : call.fields) {
        if (!is_token(name)) return invalid("field \"" + name + "\": its name is no token");
        if (!all_of(kValueChars, value) || trimmed(value) != value)
            return invalid("field " + name + ": its value is not valid");
        if (is_reserved(name)) return invalid("field " + name + ": the client sets it");
    }
    if (call.body_source && !call.body.empty()) return invalid("both body and body_source");
    if (call.body_length && !call.body_source) return invalid("body_length without body_source");
    return {};
}

std::string head_text(const Call& call, const Url& url, const RequestForm& form) {
    std::string text = call.method + " ";
    if (form.by_proxy) text += "http://" + url.authority;
    text += url.target + " HTTP/1.1\r\nHost: " + url.authority + "\r\n";
    for (const auto& [name, value] : call.fields) append_field(text, name, value);
    if (form.asks_gzip) text += "Accept-Encoding: gzip\r\n";
    if (call.body_source && !call.body_length) {
        text += "Transfer-Encoding: chunked\r\n";
    } else if (call.body_source || says_length(call)) {
        text += "Content-Length: " + std::to_string(call.body_length.value_or(call.body.size())) +
                "\r\n";
    }
    return text + "\r\n";
}

bool has_field(const FieldList& fields, std::string_view small) noexcept {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const auto& field) { return equals(field.first, small); });
}

bool is_idempotent(std::string_view method) noexcept {
    constexpr std::string_view kMethods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

}  // namespace switchboard::http::detail
