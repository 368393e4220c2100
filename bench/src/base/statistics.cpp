#include "base/statistics.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <random>

namespace switchboard::bench {
namespace {

constexpr std::size_t kResamples = 2'000;
constexpr std::size_t kCutOff = kResamples / 40;  // 2.5% at each end

std::vector<double> values_of(const Rounds& rounds) {
    std::vector<double> values;
    for (const auto& value : rounds) {
        if (value) values.push_back(*value);
    }
    return values;
}

double median_in_place(std::vector<double>& values) {
    assert(!values.empty());
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// Draws with replacement. A distribution of the standard library would differ between implementations.
class Resampler {
public:
    explicit Resampler(std::uint64_t seed) : random_(seed) {}
    double median_of(const std::vector<double>& values) {
        drawn_.resize(values.size());
        for (double& value : drawn_) value = values[random_() % values.size()];
        return median_in_place(drawn_);
    }

private:
    std::mt19937_64 random_;
    std::vector<double> drawn_;
};

template <class Draw>
Interval bootstrap(Draw draw) {
    std::vector<double> figures(kResamples);
    std::generate(figures.begin(), figures.end(), draw);
    std::sort(figures.begin(), figures.end());
    return {figures[kCutOff], figures[kResamples - 1 - kCutOff]};
}

}  // namespace

double median(std::vector<double> values) {
    return median_in_place(values);
}

std::optional<Summary> summarize(const Rounds& rounds) {
    std::vector<double> values = values_of(rounds);
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

std::optional<Interval> median_interval(const Rounds& rounds, std::uint64_t seed) {
    const std::vector<double> values = values_of(rounds);
    if (values.size() < kFewestForInterval) return std::nullopt;
    Resampler resampler(seed);
    return bootstrap([&] { return resampler.median_of(values); });
}

std::optional<Interval> change_interval(const Rounds& before, const Rounds& after,
                                        std::uint64_t seed) {
    const std::vector<double> old = values_of(before), now = values_of(after);
    if (std::min(old.size(), now.size()) < kFewestForInterval) return std::nullopt;
    if (std::ranges::any_of(old, [](double value) { return value <= 0; })) return std::nullopt;
    Resampler resampler(seed);
    return bootstrap([&] {
        const double base = resampler.median_of(old);  // first, so that it is repeatable
        return resampler.median_of(now) / base - 1;
    });
}

std::string chance_text(std::size_t comparisons) {
    const auto by_chance = std::lround(0.05 * static_cast<double>(comparisons));
    if (by_chance == 0) return {};
    return fmt::format("Of {} comparisons at 95%, about {} differ by chance alone.", comparisons,
                       by_chance);
}

}  // namespace switchboard::bench
