// The errors of plugins' own.
#pragma once

#include <switchboard/plugin.h>
#include <array>
#include <atomic>
#include <string>
#include <system_error>

namespace switchboard::plugin_host {

using Describe = void (*)(sb_error error, char* out, std::size_t size);

// The error categories of one plugin, one for each domain. They live as long as the plugin, until the process
// ends, because anyone may keep an error_code. Threading: thread-safe.
class OwnCategories {
public:
    OwnCategories(std::string plugin, Describe describe)
        : plugin_(std::move(plugin)), describe_(describe) {}

    OwnCategories(const OwnCategories&) = delete;
    OwnCategories& operator=(const OwnCategories&) = delete;
    ~OwnCategories();

    const std::error_category& category(std::int32_t domain);
    // Returns the domain of one of these categories; SB_FOREIGN for all others.
    std::int32_t domain_of(const std::error_category& category) const noexcept;

private:
    const std::string plugin_;
    const Describe describe_;
    // SB_OWN and so on; the last is for domains that are not the plugin's own.
    std::array<std::atomic<const std::error_category*>, 17> categories_{};
};

}  // namespace switchboard::plugin_host
