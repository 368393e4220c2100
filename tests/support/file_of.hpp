// Files for handlers to send.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>
#include <cstdio>
#include <memory>
#include <string>
#include <switchboard/file.hpp>

namespace switchboard::test {

// Returns a file without a name that contains `text`.
inline std::shared_ptr<const File> file_of(const std::string& text) {
    std::FILE* made = std::tmpfile();
    REQUIRE(made != nullptr);
    REQUIRE(std::fwrite(text.data(), 1, text.size(), made) == text.size());
    std::fflush(made);
    const auto file = std::make_shared<const File>(::dup(::fileno(made)));
    std::fclose(made);
    return file;
}

}  // namespace switchboard::test
