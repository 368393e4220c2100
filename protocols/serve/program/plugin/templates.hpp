// The files of templates/, which templates.cmake puts into the program.
#pragma once

#include <span>
#include <string_view>

namespace switchboard::program {

struct Template {
    std::string_view kind;  // the folder: "class", "coroutine", "c", or "all" for each of these
    std::string_view name;  // "NAME.cpp"
    std::string_view text;
};

std::span<const Template> templates();

}  // namespace switchboard::program
