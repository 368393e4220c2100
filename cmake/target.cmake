# What every target of the project shares.
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

# switchboard_library(NAME [LIBS ...]): a part with include/ and src/, known as switchboard::NAME.
function(switchboard_library name)
    cmake_parse_arguments(ARG "" "" "LIBS;PRIVATE_LIBS" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/*.cpp)
    add_library(switchboard_${name} STATIC ${sources})
    add_library(switchboard::${name} ALIAS switchboard_${name})
    target_compile_features(switchboard_${name} PUBLIC cxx_std_20)
    target_include_directories(switchboard_${name} PRIVATE src)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS include/*.hpp)
    target_sources(switchboard_${name} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
    target_link_libraries(switchboard_${name} PUBLIC ${ARG_LIBS}
        PRIVATE $<BUILD_INTERFACE:switchboard_flags> ${ARG_PRIVATE_LIBS})
    set_target_properties(switchboard_${name} PROPERTIES
        EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON
        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
        VERIFY_INTERFACE_HEADER_SETS ON)
    set_property(GLOBAL APPEND PROPERTY SWITCHBOARD_LIBRARIES switchboard_${name})
endfunction()

# switchboard_program(NAME [LIBS ...]): a program from src/ or from the one SOURCE given.
function(switchboard_program name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE switchboard_flags ${ARG_LIBS})
endfunction()
