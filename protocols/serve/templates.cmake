# Makes a source from the files in templates/, so that the program needs no files of its own. Sets
# `template_source`. See program/plugin/templates.hpp.
file(GLOB_RECURSE templates CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_LIST_DIR}/templates
    ${CMAKE_CURRENT_LIST_DIR}/templates/*)
set(entries "")
foreach(template ${templates})
    set(path ${CMAKE_CURRENT_LIST_DIR}/templates/${template})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    cmake_path(GET template PARENT_PATH kind)
    cmake_path(GET template FILENAME name)
    file(READ ${path} text)
    string(APPEND entries "    {\"${kind}\", \"${name}\", R\"template(${text})template\"},\n")
endforeach()
set(template_source ${CMAKE_CURRENT_BINARY_DIR}/templates.cpp)
file(CONFIGURE OUTPUT ${template_source} @ONLY CONTENT [[
#include "templates.hpp"

namespace switchboard::program {

constexpr Template kTemplates[] = {
@entries@};

std::span<const Template> templates() {
    return kTemplates;
}

}  // namespace switchboard::program
]])
