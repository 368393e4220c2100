// A browser that shows pages to tests.
#pragma once

#include <filesystem>
#include <string>

#include "process.hpp"

namespace switchboard::programs {

// Returns the document of a page after it has run for a while. The clock of the page does not wait for
// sockets, so a slow machine may need another try. `profile` is a folder, which is emptied before.
inline std::string browse(const std::string& url, const std::string& profile) {
    std::filesystem::remove_all(profile);
    return support::run({"chromium-headless-shell", "--no-sandbox", "--disable-gpu",
                         "--disable-background-networking", "--ignore-certificate-errors",
                         "--user-data-dir=" + profile, "--virtual-time-budget=5000", "--dump-dom",
                         url})
        .output;
}

}  // namespace switchboard::programs
