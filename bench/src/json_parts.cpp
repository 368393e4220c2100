#include "json_parts.hpp"

namespace switchboard::bench {

using Json = nlohmann::ordered_json;

Json failures_json(const FailureCounts& failures) {
    Json json = Json::object();
    for (std::size_t i = 0; i < kFailures; ++i) {
        if (failures[i] > 0) json[to_string(static_cast<Failure>(i))] = failures[i];
    }
    return json;
}

Json environment_json(const Environment& environment) {
    Json json = Json::object();
    for (const auto& [name, value] : environment) json[name] = value;
    return json;
}

}  // namespace switchboard::bench
