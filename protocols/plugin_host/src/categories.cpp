#include "categories.hpp"

#include <memory>

#include "text.hpp"

namespace switchboard::plugin_host {
namespace {

class OwnCategory final : public std::error_category {
public:
    OwnCategory(const std::string& plugin, Describe describe, std::int32_t domain)
        : plugin_(plugin), describe_(describe), domain_(domain) {}
    const char* name() const noexcept override { return plugin_.c_str(); }
    std::string message(int value) const override {
        Reason text{};
        if (describe_ && domain_ >= SB_OWN)
            describe_({domain_, value}, text.data(), text.size() - 1);
        return text[0] != '\0' ? one_line(text.data())
                               : plugin_ + " error " + std::to_string(value);
    }

private:
    const std::string& plugin_;
    const Describe describe_;
    const std::int32_t domain_;
};

}  // namespace

OwnCategories::~OwnCategories() {
    for (auto& each : categories_) delete static_cast<const OwnCategory*>(each.load());
}

const std::error_category& OwnCategories::category(std::int32_t domain) {
    const auto own = static_cast<std::size_t>(domain) - SB_OWN;
    auto& place = categories_[own < categories_.size() ? own : categories_.size() - 1];
    if (const std::error_category* const known = place.load()) return *known;
    auto made = std::make_unique<OwnCategory>(plugin_, describe_, domain);
    const std::error_category* known = nullptr;
    if (place.compare_exchange_strong(known, made.get())) known = made.release();
    return *known;
}

std::int32_t OwnCategories::domain_of(const std::error_category& category) const noexcept {
    for (std::size_t i = 0; i + 1 < categories_.size(); ++i) {
        if (categories_[i].load() == &category) return static_cast<std::int32_t>(SB_OWN + i);
    }
    return SB_FOREIGN;
}

}  // namespace switchboard::plugin_host
