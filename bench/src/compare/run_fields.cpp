#include "compare/run_fields.hpp"

#include <algorithm>

namespace switchboard::bench {
namespace {

constexpr Matching kMatches = Matching::required;

template <class Value>
std::optional<Value> unless(const Value& nothing, const Value& value) {
    return value == nothing ? std::nullopt : std::optional(value);
}

double seconds_of(std::chrono::milliseconds time) {
    return std::chrono::duration<double>(time).count();
}

std::vector<std::string> requests_of(const std::shared_ptr<const Script>& script) {
    std::vector<std::string> requests;
    if (!script) return requests;
    for (const ScriptedExchange& exchange : *script) requests.push_back(exchange.request);
    return requests;
}

}  // namespace

const std::vector<Field<Experiment>>& fields(const Experiment*) {
    using E = Experiment;
    static const std::vector<Field<E>> all{
        field("workload", &E::workload, kMatches),
        field("scenario", &E::scenario),
        field("servers", &E::servers),
        field("connections", &E::connections),
        field("sizes", &E::sizes),
        field("reply", &E::reply, kMatches),
        field("depth", &E::depth, kMatches),
        field("background", &E::background, kMatches),
        derived<E>("script", kMatches, [](auto& e) { return requests_of(e.script); }),
        derived<E>("work_us", kMatches, [](auto& e) { return e.work.count(); }),
        derived<E>("rate", kMatches, [](auto& e) { return unless(0.0, e.rate); }),
        derived<E>("arrivals", kMatches, [](auto& e) { return to_string(e.arrivals); }),
        derived<E>("exchanges", kMatches,
                   [](auto& e) { return unless(Load::kNoEnd, e.exchanges); }),
        derived<E>("duration_seconds", kMatches, [](auto& e) { return seconds_of(e.duration); }),
        field("rounds", &E::rounds),
        field("workers", &E::workers, kMatches),
        field("baseline", &E::baseline),
        field("over", &E::over, kMatches),
        field("seed", &E::seed),
        field("same_core", &E::same_core),
        field("spread", &E::spread),
        derived<E>("slo", kMatches, [](auto& e) { return e.slo ? Json(e.slo->text) : Json(); }),
        field("noise", &E::noise)};
    return all;
}

const std::vector<Field<LoadPlan>>& fields(const LoadPlan*) {
    using P = LoadPlan;
    static const auto arrivals = [](const P& p) {
        return p.rate > 0 ? std::optional<std::string>(to_string(p.arrivals)) : std::nullopt;
    };
    static const std::vector<Field<P>> all{
        derived<P>("workload", kMatches, [](auto& p) { return p.group.workload; }),
        derived<P>("connections", Matching::no, [](auto& p) { return p.group.connections; }),
        derived<P>("size", Matching::no, [](auto& p) { return p.group.size; }),
        derived<P>("reply", kMatches, [](auto& p) { return p.group.reply; }),
        derived<P>("depth", kMatches, [](auto& p) { return p.group.depth; }),
        derived<P>("arrivals", kMatches, arrivals),
        derived<P>("duration_seconds", kMatches, [](auto& p) { return seconds_of(p.duration); }),
        derived<P>("script", kMatches, [](auto& p) { return requests_of(p.group.script); }),
        derived<P>("background", kMatches, [](auto& p) { return p.background; })};
    return all;
}

void to_json(Json& json, const GroupPlan& group) {
    json = {{"workload", group.workload}, {"connections", group.connections}, {"size", group.size}};
}

const std::vector<Field<Cell>>& fields(const Cell*) {
    static const std::vector<Field<Cell>> all{field("server", &Cell::server),
                                              field("connections", &Cell::connections),
                                              field("size", &Cell::size)};
    return all;
}

const std::vector<Field<Invalid>>& fields(const Invalid*) {
    static const std::vector<Field<Invalid>> all{field("reason", &Invalid::reason),
                                                 field("text", &Invalid::text)};
    return all;
}

const std::vector<Field<Knee>>& fields(const Knee*) {
    static const std::vector<Field<Knee>> all{
        field("rate", &Knee::rate),
        derived<Knee>("at_ceiling", Matching::no, [](auto& knee) { return knee.is_at_ceiling(); }),
        field("why_not_found", &Knee::why_not_found), field("probes", &Knee::probes)};
    return all;
}

const std::vector<Field<Probe>>& fields(const Probe*) {
    static const std::vector<Field<Probe>> all{
        field("rate", &Probe::rate), field("reached", &Probe::reached),
        field("latency", &Probe::latency), field("holds", &Probe::holds),
        field("why", &Probe::why)};
    return all;
}

void to_json(Json& json, Reason reason) {
    json = to_string(reason);
}

void from_json(const Json& json, Reason& reason) {
    const auto known = std::ranges::find(kReasonWords, json.get<std::string_view>());
    if (known == kReasonWords.end()) throw Json::other_error::create(501, "unknown reason", &json);
    reason = static_cast<Reason>(known - kReasonWords.begin());
}

}  // namespace switchboard::bench
