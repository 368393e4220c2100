# switchboard_add_plugin(NAME SOURCES ... [LIBS ...]): the shared object NAME.so, a plugin in C or C++. It links
# switchboard::plugin and the given libraries, whose code becomes part of it. It exports switchboard_plugin()
# alone, so that it cannot meet the symbols of the host or of other plugins, and is never unmapped.
function(switchboard_add_plugin name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
    add_library(${name} MODULE ${ARG_SOURCES})
    set(sources ${ARG_SOURCES})
    list(FILTER sources EXCLUDE REGEX "\\.c$")
    if(sources)
        target_link_libraries(${name} PRIVATE switchboard::plugin)
    else()  # a plugin in C needs the header, and no library of C++
        target_include_directories(${name} PRIVATE
            $<TARGET_PROPERTY:switchboard::plugin,INTERFACE_INCLUDE_DIRECTORIES>)
    endif()
    target_link_libraries(${name} PRIVATE ${ARG_LIBS})
    set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX .so
        C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    # Unique symbols would be shared between versions of a plugin.
    target_compile_options(${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
        set(exports ${CMAKE_CURRENT_BINARY_DIR}/${name}.map)
        file(WRITE ${exports} "{ global: switchboard_plugin; local: *; };\n")
        target_link_options(${name} PRIVATE -Wl,--version-script=${exports} -Wl,-z,nodelete
            -Wl,--exclude-libs,ALL)
        # The run-time of a sanitizer is in the host.
        if(NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize")
            target_link_options(${name} PRIVATE -Wl,--no-undefined)
        endif()
    endif()
endfunction()

# switchboard_check_plugin(NAME [TRANSCRIPTS FILE] [ARGUMENTS ...]): a test of ctest, NAME, which checks the plugin
# NAME by `switchboard plugin check`, with these further arguments.
function(switchboard_check_plugin name)
    cmake_parse_arguments(ARG "" "TRANSCRIPTS" "ARGUMENTS" ${ARGN})
    if(ARG_TRANSCRIPTS)
        cmake_path(ABSOLUTE_PATH ARG_TRANSCRIPTS)
        list(PREPEND ARG_ARGUMENTS --transcripts ${ARG_TRANSCRIPTS})
    endif()
    if(NOT SWITCHBOARD_PROGRAM)
        message(FATAL_ERROR "switchboard_check_plugin: the program switchboard was not found; "
            "SWITCHBOARD_PROGRAM is its path")
    endif()
    add_test(NAME ${name} COMMAND ${SWITCHBOARD_PROGRAM} plugin check $<TARGET_FILE:${name}> ${ARG_ARGUMENTS})
endfunction()
