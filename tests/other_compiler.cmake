# Plugins that the other one of gcc and clang compiles: one in C, and one in C++, which links the libraries of
# this build as a plugin links an installed package. Sets `other_compiler`, empty if it is not installed, and
# `other_compiler_plugins`, the target.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(other_compiler clang)
    find_program(OTHER_C_COMPILER clang)
    find_program(OTHER_CXX_COMPILER clang++)
else()
    set(other_compiler gcc)
    find_program(OTHER_C_COMPILER gcc)
    find_program(OTHER_CXX_COMPILER g++)
endif()
set(other_compiler_plugins)
if(NOT OTHER_C_COMPILER OR NOT OTHER_CXX_COMPILER)
    set(other_compiler "")
    return()
endif()

set(other_folder ${CMAKE_BINARY_DIR}/test_plugins)
set(other_c_source ${PROJECT_SOURCE_DIR}/bench/plugins/echo-c.c)
set(other_cxx_source ${CMAKE_CURRENT_SOURCE_DIR}/plugins/objects/keyvalue.cpp)
set(other_flags -O1 -fPIC -shared -fvisibility=hidden -Wall -Wextra -Wl,-z,nodelete
    -I${PROJECT_SOURCE_DIR}/protocols/plugin/include)
set(other_libraries $<TARGET_FILE:switchboard_plugin> $<TARGET_FILE:switchboard_registry>
    $<TARGET_FILE:switchboard_core>)
file(MAKE_DIRECTORY ${other_folder})
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/other.map "{ global: switchboard_plugin; local: *; };\n")
add_custom_command(OUTPUT ${other_folder}/other-echo.so
    COMMAND ${OTHER_C_COMPILER} -std=c99 -pedantic ${other_flags} ${other_c_source} -o ${other_folder}/other-echo.so
    DEPENDS ${other_c_source} ${PROJECT_SOURCE_DIR}/protocols/plugin/include/switchboard/plugin.h VERBATIM)
add_custom_command(OUTPUT ${other_folder}/other-keyvalue.so
    COMMAND ${OTHER_CXX_COMPILER} -std=c++20 ${other_flags} -I${PROJECT_SOURCE_DIR}/protocols/registry/include
        -I${PROJECT_SOURCE_DIR}/core/include ${other_cxx_source} -Wl,--exclude-libs,ALL
        -Wl,--version-script=${CMAKE_CURRENT_BINARY_DIR}/other.map ${other_libraries}
        -o ${other_folder}/other-keyvalue.so
    DEPENDS ${other_cxx_source} switchboard_plugin switchboard_registry switchboard_core VERBATIM)
add_custom_target(other_compiler_plugins ALL DEPENDS ${other_folder}/other-echo.so ${other_folder}/other-keyvalue.so)
set(other_compiler_plugins other_compiler_plugins)
