// Where in the source something was created.
#pragma once

namespace switchboard {

// Source location of a call that creates something that lives on. Filled in by the default argument; do
// not pass it. It stands for std::source_location, which clang 14 lacks.
struct SourceLocation {
    const char* file;
    unsigned line;
    static constexpr SourceLocation current(const char* file = __builtin_FILE(),
                                            unsigned line = __builtin_LINE()) noexcept {
        return {file, line};
    }
};

}  // namespace switchboard
