#include "errors.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <string>

#include "error_domains.hpp"

namespace switchboard::plugin {
namespace {

// An error of a part of the host that this plugin does not have.
class ForeignCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "host"; }
    std::string message(int value) const override {
        return "error " + std::to_string(value) + " of the host";
    }
};

const std::error_category& foreign_category() noexcept {
    static const ForeignCategory instance;
    return instance;
}

// The categories of the plugin's own errors, in the order of their domains. Entries are only added.
constexpr std::size_t kMostCategories = 16;
std::array<std::atomic<const std::error_category*>, kMostCategories> own_categories{};

std::int32_t domain_of(const std::error_category& category) noexcept {
    for (std::size_t i = 0; i < kMostCategories; ++i) {
        const std::error_category* known = nullptr;
        if (own_categories[i].compare_exchange_strong(known, &category) || *known == category)
            return static_cast<std::int32_t>(SB_OWN + i);
    }
    return SB_FOREIGN;
}

}  // namespace

sb_error to_c(std::error_code error) noexcept {
    if (!error) return {0, 0};
    const std::error_category& from = error.category();
    if (const auto common = common_domain(from)) return {common, error.value()};
    if (from == foreign_category()) return {SB_FOREIGN, error.value()};
    return {domain_of(from), error.value()};
}

std::error_code from_c(sb_error error) noexcept {
    if (error.domain == 0) return {};
    if (const auto* const common = common_category(error.domain)) return {error.value, *common};
    const auto own = static_cast<std::size_t>(error.domain) - SB_OWN;
    const std::error_category* const known =
        own < kMostCategories ? own_categories[own].load() : nullptr;
    return {error.value, known ? *known : foreign_category()};
}

void copy_text(const char* text, char* out, std::size_t size) noexcept {
    if (size == 0) return;
    const std::size_t length = std::min(std::strlen(text), size - 1);
    std::memcpy(out, text, length);
    out[length] = '\0';
}

void describe_error(sb_error error, char* out, std::size_t size) noexcept {
    try {
        copy_text(from_c(error).message().c_str(), out, size);
    } catch (...) {
        copy_text("", out, size);
    }
}

}  // namespace switchboard::plugin
