// Text for tests.
#pragma once

#include <string>

namespace switchboard::test {

// Every piece of it differs from every other.
inline std::string numbers(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

}  // namespace switchboard::test
