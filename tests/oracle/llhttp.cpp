#include <llhttp.h>

#include <cstdint>

#include "message.hpp"

namespace switchboard::oracle {
namespace {

// Collects what llhttp says. It reports texts in pieces.
struct Collector {
    Message message = {};
    bool has_body = true, in_body = false, name_ended = true;
    int ends = 0;

    void add_name(std::string_view piece) {
        auto& list = in_body ? message.trailers : message.fields;
        if (name_ended) list.emplace_back();
        name_ended = false;
        list.back().first += piece;
    }
    void add_value(std::string_view piece) {
        name_ended = true;
        (in_body ? message.trailers : message.fields).back().second += piece;
    }
};

Collector& collector_of(llhttp_t* parser) {
    return *static_cast<Collector*>(parser->data);
}

int on_headers_complete(llhttp_t* parser) {
    Collector& to = collector_of(parser);
    to.in_body = true;
    to.message.status = parser->status_code;
    to.message.http10 = parser->http_minor == 0;
    return to.has_body ? 0 : 1;
}

llhttp_settings_t settings() {
    llhttp_settings_t with{};
    llhttp_settings_init(&with);
    with.on_method = [](llhttp_t* parser, const char* at, std::size_t size) {
        collector_of(parser).message.method.append(at, size);
        return 0;
    };
    with.on_url = [](llhttp_t* parser, const char* at, std::size_t size) {
        collector_of(parser).message.target.append(at, size);
        return 0;
    };
    with.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
        collector_of(parser).add_name({at, size});
        return 0;
    };
    with.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
        collector_of(parser).add_value({at, size});
        return 0;
    };
    with.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
        collector_of(parser).message.body.append(at, size);
        return 0;
    };
    with.on_headers_complete = on_headers_complete;
    with.on_message_complete = [](llhttp_t* parser) {
        ++collector_of(parser).ends;
        return 0;
    };
    return with;
}

// It reports a value with the spaces behind it.
void trim(Message& message) {
    for (auto* const list : {&message.fields, &message.trailers})
        for (auto& [name, value] : *list) value.erase(value.find_last_not_of(" \t") + 1);
}

bool is_error(llhttp_errno_t code) {
    return code != HPE_OK && code != HPE_PAUSED_UPGRADE;
}

}  // namespace

Message ask_llhttp(const Accepted& ours, std::string& why) {
    static const llhttp_settings_t callbacks = settings();
    Collector collector{.has_body = ours.has_body};
    llhttp_t parser;
    llhttp_init(&parser, ours.message.status == 0 ? HTTP_REQUEST : HTTP_RESPONSE, &callbacks);
    parser.data = &collector;
    parser.lenient_flags |= LENIENT_VERSION;  // RFC 9110, section 2.5: HTTP/1.9 is read as HTTP/1.1
    // The last byte by itself shows whether the message ends there.
    const std::size_t before = ours.bytes.size() - 1;
    auto code = llhttp_execute(&parser, ours.bytes.data(), before);
    const bool early = collector.ends > 0;
    if (!is_error(code)) code = llhttp_execute(&parser, ours.bytes.data() + before, 1);
    if (ours.end == End::with_connection && !is_error(code)) code = llhttp_finish(&parser);
    if (early) {
        why = "it ends earlier";
    } else if (is_error(code)) {
        const char* const reason = llhttp_get_error_reason(&parser);
        why = std::string(llhttp_errno_name(code)) + ": " + (reason == nullptr ? "" : reason);
    } else if (collector.ends != (ours.end == End::not_yet ? 0 : 1)) {
        why = ours.end == End::not_yet ? "it ends here" : "it does not end here";
    } else if (parser.http_major != 1) {
        why = "another major version";
    }
    trim(collector.message);
    return std::move(collector.message);
}

}  // namespace switchboard::oracle
