# Settings and functions that all targets of the project share.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(PROJECT_IS_TOP_LEVEL)
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

add_library(switchboard_flags INTERFACE)
target_compile_features(switchboard_flags INTERFACE cxx_std_20)
target_compile_options(switchboard_flags INTERFACE
    -fno-plt
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor)
set_property(TARGET switchboard_flags PROPERTY EXPORT_NAME flags)

# Headers that nearly every file includes are precompiled. ccache can cache files that use them only if gcc
# gets -fpch-preprocess.
target_compile_options(switchboard_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
function(switchboard_precompile target)
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <atomic> <chrono> <cstddef>
        <cstdint> <functional> <map> <memory> <memory_resource> <mutex> <optional> <span> <string>
        <string_view> <system_error> <thread> <tl/expected.hpp> <utility> <vector> ${ARGN})
endfunction()

# If sources are compiled jointly (CMAKE_UNITY_BUILD), joins only those of the same folder. So files of
# different folders may use the same names, and leaving out a folder changes nothing elsewhere.
function(switchboard_join_by_folder target)
    get_target_property(sources ${target} SOURCES)
    get_target_property(batch ${target} UNITY_BUILD_BATCH_SIZE)
    set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
    foreach(source ${sources})
        cmake_path(GET source PARENT_PATH folder)
        cmake_path(RELATIVE_PATH folder)
        string(MAKE_C_IDENTIFIER "${folder}" folder)
        math(EXPR part "0${joined_${folder}} / ${batch}")
        math(EXPR joined_${folder} "0${joined_${folder}} + 1")
        set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${part})
    endforeach()
endfunction()

# switchboard_library(NAME [SEPARATE] [LIBS ...] [PRIVATE_LIBS ...]): a part with include/ and src/, as the
# target switchboard::NAME. Its sources are always compiled jointly, eight at a time, also where another
# project adds this one, so that gcc inlines in the same way everywhere. With SEPARATE,
# switchboard::switchboard does not link it.
function(switchboard_library name)
    cmake_parse_arguments(ARG "SEPARATE" "" "LIBS;PRIVATE_LIBS" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/*.cpp)
    add_library(switchboard_${name} STATIC ${sources})
    add_library(switchboard::${name} ALIAS switchboard_${name})
    target_compile_features(switchboard_${name} PUBLIC cxx_std_20)
    target_include_directories(switchboard_${name} PRIVATE src)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS include/*.hpp include/*.h)
    target_sources(switchboard_${name} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
    target_link_libraries(switchboard_${name} PUBLIC ${ARG_LIBS}
        PRIVATE $<BUILD_INTERFACE:switchboard_flags> ${ARG_PRIVATE_LIBS})
    set_target_properties(switchboard_${name} PROPERTIES
        EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON
        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
        VERIFY_INTERFACE_HEADER_SETS ON UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    if(NOT ARG_SEPARATE)
        set_property(GLOBAL APPEND PROPERTY SWITCHBOARD_LIBRARIES switchboard_${name})
    endif()
    # The first library after core precompiles the headers for all others. Core has its own, because in the
    # preset portable it has a definition that the others do not have.
    get_property(precompiled GLOBAL PROPERTY SWITCHBOARD_PRECOMPILED)
    if(precompiled)
        target_precompile_headers(switchboard_${name} REUSE_FROM ${precompiled})
    else()
        switchboard_precompile(switchboard_${name})
        if(NOT name STREQUAL core)
            set_property(GLOBAL PROPERTY SWITCHBOARD_PRECOMPILED switchboard_${name})
        endif()
    endif()
endfunction()

# switchboard_program(NAME SOURCES ... [LIBS ...]): a program from the given sources.
function(switchboard_program name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE switchboard_flags ${ARG_LIBS})
endfunction()
