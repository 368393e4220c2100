#include "statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace switchboard::bench {

double median(std::vector<double> values) {
    assert(!values.empty());
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::optional<Summary> summarize(const Rounds& rounds) {
    std::vector<double> values;
    for (const auto& value : rounds) {
        if (value) values.push_back(*value);
    }
    if (values.empty()) return std::nullopt;
    const double middle = median(values);
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    Summary summary{values.size(), middle, 0, *min, *max};
    for (double& value : values) value = std::abs(value - middle);
    summary.mad = median(std::move(values));
    return summary;
}

Rounds paired_ratios(const Rounds& values, const Rounds& bases) {
    Rounds ratios(std::min(values.size(), bases.size()));
    for (std::size_t i = 0; i < ratios.size(); ++i) {
        if (values[i] && bases[i] && *bases[i] != 0) ratios[i] = *values[i] / *bases[i];
    }
    return ratios;
}

}  // namespace switchboard::bench
