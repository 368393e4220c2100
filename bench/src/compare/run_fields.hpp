// The common fields of the files of compare and load.
#pragma once

#include "base/fields.hpp"
#include "compare/experiment.hpp"
#include "compare/validity.hpp"
#include "generator/generator.hpp"

namespace switchboard::bench {

// The name in a file. The version is increased when a field is removed or changes its meaning.
inline constexpr const char* kCompareFormat = "switchboard-bench compare";
inline constexpr int kCompareVersion = 6;
inline constexpr const char* kLoadFormat = "switchboard-bench load";
inline constexpr int kLoadVersion = 3;

const std::vector<Field<Experiment>>& fields(const Experiment*);  // the options of compare
const std::vector<Field<LoadPlan>>& fields(const LoadPlan*);      // and of load
const std::vector<Field<Cell>>& fields(const Cell*);
const std::vector<Field<Invalid>>& fields(const Invalid*);
const std::vector<Field<Knee>>& fields(const Knee*);
const std::vector<Field<Probe>>& fields(const Probe*);

void to_json(Json& json, const GroupPlan& group);
void to_json(Json& json, Reason reason);
void from_json(const Json& json, Reason& reason);

}  // namespace switchboard::bench
