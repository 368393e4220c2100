#include "log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
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

}  // namespace

tl::expected<LogSink, std::string> open_log() {
    const char* wanted = std::getenv("SWITCHBOARD_LOG");
    const auto level = parse_level(wanted != nullptr ? wanted : "info");
    if (!level) {
        return tl::unexpected<std::string>(std::string("SWITCHBOARD_LOG=") + wanted +
                                           ": not one of debug, info, warning, error, off");
    }
    auto logger = std::make_shared<spdlog::logger>(
        "switchboard", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_level(*level);
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
    return LogSink(
        [logger](LogLevel at, std::string_view text) { logger->log(level_of(at), text); });
}

}  // namespace switchboard::program
