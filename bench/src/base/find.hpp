// Searches short lists.
#pragma once

#include <functional>

namespace switchboard::bench {

// Returns the first element of `range` for which `holds` returns true; null if there is no such element.
template <class Range, class Predicate>
auto* find_where(Range& range, Predicate holds) {
    for (auto& each : range) {
        if (holds(each)) return &each;
    }
    return static_cast<decltype(&*range.begin())>(nullptr);
}

// Returns the first element of `range` whose `projection` equals `value`; null if there is no such element.
template <class Range, class Value, class Projection>
auto* find_by(Range& range, const Value& value, Projection projection) {
    return find_where(range,
                      [&](const auto& each) { return std::invoke(projection, each) == value; });
}

}  // namespace switchboard::bench
