#include "log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace switchboard::program {
namespace {

std::optional<spdlog::level::level_enum> parse_level(std::string_view name) {
    if (name == "debug") return spdlog::level::debug;
    if (name == "info") return spdlog::level::info;
    if (name == "warning") return spdlog::level::warn;
    if (name == "error") return spdlog::level::err;
    if (name == "off") return spdlog::level::off;
    return std::nullopt;
}

spdlog::level::level_enum level_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::warning: return spdlog::level::warn;
        case LogLevel::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

// Bytes that are not UTF-8 are replaced, because the line would not be JSON otherwise.
std::string json_members(LogLevel level, std::string_view text) {
    constexpr const char* names[] = {"debug", "info", "warning", "error"};
    const nlohmann::json quoted = std::string(text);
    return std::string(R"("level":")") + names[static_cast<std::size_t>(level)] + R"(","text":)" +
           quoted.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

tl::expected<LogSink, std::string> open_log() {
    const char* const set = std::getenv("SWITCHBOARD_LOG");
    std::string_view wanted = set != nullptr ? set : "info";
    constexpr std::string_view json = ",json";
    const bool as_json = wanted.ends_with(json);
    if (as_json) wanted.remove_suffix(json.size());
    const auto level = parse_level(wanted);
    if (!level) {
        return tl::unexpected<std::string>(
            std::string("SWITCHBOARD_LOG=") + set +
            ": must be debug, info, warning, error or off, optionally followed by ,json");
    }
    auto logger = std::make_shared<spdlog::logger>(
        "switchboard", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_level(*level);
    logger->set_pattern(as_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z",%v})"
                                : "%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
    return LogSink([logger, as_json](LogLevel at, std::string_view text) {
        const auto spd = level_of(at);
        if (!logger->should_log(spd)) return;
        as_json ? logger->log(spd, json_members(at, text)) : logger->log(spd, text);
    });
}

}  // namespace switchboard::program
