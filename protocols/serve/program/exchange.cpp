#include <switchboard/exchange.hpp>

#include <CLI/CLI.hpp>
#include <bit>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <switchboard/limits.hpp>

#include "commands.hpp"
#include "exchange_http.hpp"
#include "exchange_tls.hpp"

namespace switchboard::program {
namespace {

struct Arguments {
    std::string endpoint;
    std::optional<std::string> text;
    std::string timeout = "10s";
    std::string end = "shutdown";
    std::string max_reply = "16M";
    ExchangeTls tls;
};

constexpr const char* kEndHelp =
    "How the reply ends: shutdown (the peer's FIN), line, length:N (N bytes), or prefix:W, "
    "prefix:Wbe or prefix:Wle (its length comes first, in W = 1, 2, 4 or 8 bytes; big-endian by "
    "default)";

std::optional<std::size_t> number(std::string_view text) {
    std::size_t value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || rest != end) return std::nullopt;
    return value;
}

std::optional<Framing> parse_prefix(std::string_view text, std::size_t max_reply) {
    const auto order = text.ends_with("le") ? std::endian::little : std::endian::big;
    if (text.ends_with("le") || text.ends_with("be")) text.remove_suffix(2);
    const auto width = number(text);
    if (!width || (*width != 1 && *width != 2 && *width != 4 && *width != 8)) return std::nullopt;
    return Framing::prefixed(*width, order, max_reply);
}

// Returns whether `text` is a way in which replies end; then it is in `options`.
bool parse_end(std::string_view text, ExchangeOptions& options) {
    constexpr std::string_view length = "length:", prefix = "prefix:";
    if (text == "shutdown") return true;
    // A FIN ends the request only if its end is not known otherwise.
    options.shutdown_after_request = false;
    if (text == "line") {
        options.reply_framing = Framing::delimited("\n", options.max_reply);
    } else if (text.starts_with(prefix)) {
        options.reply_framing = parse_prefix(text.substr(prefix.size()), options.max_reply);
    } else if (text.starts_with(length)) {
        const auto bytes = number(text.substr(length.size()));
        options.expects_reply = bytes != 0;
        if (bytes.value_or(0) > 0) options.reply_framing = Framing::fixed(*bytes);
    }
    return options.reply_framing || !options.expects_reply;
}

tl::expected<std::string, std::string> read_stdin() {
    std::string all;
    char buffer[16 * 1024];
    while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, stdin)) {
        all.append(buffer, size);
    }
    if (std::ferror(stdin) != 0) return refuse(fail_errno("read stdin").value());
    return all;
}

Outcome write_stdout(Bytes bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    if (std::fflush(stdout) != 0) return refuse(fail_errno("write to stdout").value());
    return {};
}

tl::expected<ExchangeOptions, std::string> parse_options(const Arguments& arguments) {
    ExchangeOptions options;
    const auto max_reply = parse_size(arguments.max_reply);
    if (!max_reply) return refuse("--max-reply: " + max_reply.error().message());
    options.max_reply = *max_reply;
    if (!parse_end(arguments.end, options))
        return refuse("--end " + arguments.end +
                      ": must be shutdown, line, length:N, or "
                      "prefix:1|2|4|8 with be or le");
    const auto timeout = parse_duration(arguments.timeout);
    if (!timeout) return refuse("--timeout: " + timeout.error().message());
    options.timeout = *timeout;
    return options;
}

Outcome run_http(const Arguments& arguments) {
    if (arguments.end != "shutdown") return refuse("--end is not for URLs");
    const auto options = parse_options(arguments);
    if (!options) return refuse(options.error());
    HttpExchange exchange{.url = arguments.endpoint,
                          .text = arguments.text,
                          .timeout = options->timeout,
                          .max_reply = options->max_reply};
    if (!arguments.tls.given()) return exchange_http(exchange);
    if (!is_https(arguments.endpoint))
        return refuse("--tls-ca and --tls-cert require tls://HOST:PORT or an https:// URL");
    const auto client = make_tls_client(arguments.tls, {"http/1.1"});
    if (!client) return refuse(client.error());
    exchange.tls = *client;
    return exchange_http(exchange);
}

Outcome run(const Arguments& arguments) {
    if (is_http(arguments.endpoint)) return run_http(arguments);
    auto options = parse_options(arguments);
    if (!options) return refuse(options.error());
    const auto endpoint = parse_tls(arguments.endpoint, arguments.tls, *options);
    if (!endpoint) return refuse(endpoint.error());
    auto request = arguments.text ? *arguments.text : read_stdin();
    if (!request) return refuse(request.error());
    const auto reply = exchange(*endpoint, as_bytes(*request), *options);
    if (!reply) return refuse(reply.error());
    return write_stdout(*reply);
}

}  // namespace

Command add_exchange(CLI::App& app) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App* command = app.add_subcommand("exchange", "Send one request, print the reply");
    command
        ->add_option(
            "endpoint", arguments->endpoint,
            "The server: tcp://HOST:PORT, tls://HOST:PORT or unix:/PATH; udp://HOST:PORT to send "
            "one datagram and receive one; http:// or https:// to GET a page, or POST the --text")
        ->required();
    command->add_option("--text", arguments->text, "The request; default: all of stdin");
    command->add_option("--timeout", arguments->timeout, "Limit of the whole exchange; 0: no limit")
        ->capture_default_str();
    command->add_option("--end", arguments->end, kEndHelp)->capture_default_str();
    command->add_option("--max-reply", arguments->max_reply, "Size above which a reply is an error")
        ->capture_default_str();
    add_exchange_tls(*command, arguments->tls);
    return {command, [arguments] { return run(*arguments); }};
}

}  // namespace switchboard::program
