#include <limits>

#include "fields.hpp"
#include "shared.hpp"

namespace switchboard::websocket {
namespace {

tl::unexpected<Error> bad(const std::string& what) {
    return fail(errc::bad_option, "WebSocket " + what);
}

Result<void> check_deflate(const Deflate& deflate) {
    const auto& stream = deflate.stream;
    if (stream.window_bits < 9 || stream.window_bits > 15)
        return bad("window_bits=" + std::to_string(stream.window_bits) + ": must be 9 to 15");
    if (stream.memory_level < 1 || stream.memory_level > 9)
        return bad("memory_level=" + std::to_string(stream.memory_level) + ": must be 1 to 9");
    if (stream.level < 1 || stream.level > 9)
        return bad("level=" + std::to_string(stream.level) + ": must be 1 to 9");
    return {};
}

Result<void> check_texts(const Options& options) {
    for (const auto& name : options.subprotocols)
        if (!detail::is_token(name)) return bad("subprotocol '" + name + "': must be a token");
    for (const auto& [name, value] : options.fields)
        if (!detail::is_token(name) || !http::detail::all_of(http::detail::kValueChars, value))
            return bad("field '" + name + "': not a field of HTTP");
    return {};
}

Result<void> check_options(const Options& options) {
    // Sums of sizes must not overflow.
    if (options.max_message > std::numeric_limits<std::size_t>::max() / 4)
        return bad("max_message: too large");
    if (options.max_fragments == 0) return bad("max_fragments=0: must be at least 1");
    for (const auto time : {options.handshake_timeout, options.close_timeout, options.idle_timeout})
        if (time.count() < 0) return bad("time-out: must not be negative");
    if (auto fits = check_texts(options); !fits) return fits;
    return check_deflate(options.deflate);
}

}  // namespace

Settings::Settings() : shared_(std::make_shared<const detail::Shared>(Options{})) {}

Result<Settings> Settings::make(const Options& options) {
    if (auto fits = check_options(options); !fits) return tl::unexpected(std::move(fits.error()));
    return Settings(std::make_shared<const detail::Shared>(options));
}

const Options& Settings::options() const noexcept {
    return shared_->options;
}

}  // namespace switchboard::websocket
