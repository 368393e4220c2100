#include <switchboard/exchange.hpp>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <switchboard/limits.hpp>

#include "commands.hpp"

namespace switchboard::program {
namespace {

struct Arguments {
    std::string endpoint;
    std::optional<std::string> text;
    std::string timeout = "10s";
    std::string end = "shutdown";
    std::string max_reply = "16M";
};

constexpr const char* kEndHelp =
    "How the reply ends: shutdown (the peer's FIN), line, length:N (bytes), or prefix:W with W one "
    "of 1, 2, 4, 8 (bytes of length in front) and be or le behind it";

std::optional<std::size_t> number(std::string_view text) {
    std::size_t value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || rest != end) return std::nullopt;
    return value;
}

std::optional<MessageEnd> parse_prefix(std::string_view text) {
    auto order = MessageEnd::Order::big_endian;
    if (text.ends_with("le")) order = MessageEnd::Order::little_endian;
    if (text.ends_with("le") || text.ends_with("be")) text.remove_suffix(2);
    const auto width = number(text);
    if (!width || (*width != 1 && *width != 2 && *width != 4 && *width != 8)) return std::nullopt;
    return MessageEnd::prefixed(*width, order);
}

std::optional<MessageEnd> parse_end(std::string_view text) {
    constexpr std::string_view length = "length:", prefix = "prefix:";
    if (text == "shutdown") return MessageEnd::at_shutdown();
    if (text == "line") return MessageEnd::at("\n");
    if (text.starts_with(prefix)) return parse_prefix(text.substr(prefix.size()));
    if (!text.starts_with(length)) return std::nullopt;
    const auto bytes = number(text.substr(length.size()));
    if (!bytes) return std::nullopt;
    return MessageEnd::after(*bytes);
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
    const auto end = parse_end(arguments.end);
    if (!end)
        return refuse("--end " + arguments.end +
                      ": not one of shutdown, line, length:N, "
                      "prefix:1|2|4|8 with be or le");
    const auto timeout = parse_duration(arguments.timeout);
    if (!timeout) return refuse("--timeout: " + timeout.error().message());
    const auto max_reply = parse_size(arguments.max_reply);
    if (!max_reply) return refuse("--max-reply: " + max_reply.error().message());
    options.reply_end = *end;
    // A request is ended by a FIN only where nothing else says that it is whole.
    options.shutdown_after_request = end->kind == MessageEnd::Kind::shutdown;
    options.timeout = *timeout;
    options.max_reply = *max_reply;
    return options;
}

Outcome run(const Arguments& arguments) {
    const auto endpoint = Endpoint::parse(arguments.endpoint);
    if (!endpoint) return refuse(endpoint.error());
    const auto options = parse_options(arguments);
    if (!options) return refuse(options.error());
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
        ->add_option("endpoint", arguments->endpoint,
                     "Where to: tcp://HOST:PORT, unix:/PATH; udp://HOST:PORT: one "
                     "datagram out, one back")
        ->required();
    command->add_option("--text", arguments->text, "The request; without it, all of stdin");
    command->add_option("--timeout", arguments->timeout, "For all of it; 0 is no limit")
        ->capture_default_str();
    command->add_option("--end", arguments->end, kEndHelp)->capture_default_str();
    command->add_option("--max-reply", arguments->max_reply, "A longer reply is an error")
        ->capture_default_str();
    return {command, [arguments] { return run(*arguments); }};
}

}  // namespace switchboard::program
