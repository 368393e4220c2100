# Defines switchboard::switchboard, which links all libraries, and install() for the libraries, the headers, a
# package config for find_package(switchboard) and a switchboard.pc for pkg-config. A project that includes
# Switchboard by FetchContent or add_subdirectory() does not install it, unless it sets SWITCHBOARD_INSTALL.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
add_library(switchboard_switchboard INTERFACE)
add_library(switchboard::switchboard ALIAS switchboard_switchboard)
set_target_properties(switchboard_switchboard PROPERTIES EXPORT_NAME switchboard)
get_property(libraries GLOBAL PROPERTY SWITCHBOARD_LIBRARIES)
target_link_libraries(switchboard_switchboard INTERFACE ${libraries})
if(NOT SWITCHBOARD_INSTALL)
    return()
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/switchboard)
install(TARGETS switchboard_switchboard ${libraries} EXPORT switchboard-targets FILE_SET HEADERS)
install(EXPORT switchboard-targets NAMESPACE switchboard:: DESTINATION ${package_dir})
# Needs more packages than the others, so it has an export of its own.
if(TARGET switchboard_serve)
    install(TARGETS switchboard_serve EXPORT switchboard-serve-targets FILE_SET HEADERS)
    install(EXPORT switchboard-serve-targets NAMESPACE switchboard:: DESTINATION ${package_dir})
endif()
list(TRANSFORM libraries REPLACE "^switchboard_" "" OUTPUT_VARIABLE components)
if(TARGET switchboard_serve)
    list(APPEND components serve)
endif()
list(JOIN components " " components)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/switchboard-config.cmake.in
    ${PROJECT_BINARY_DIR}/switchboard-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/switchboard-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/switchboard-config.cmake
              ${PROJECT_BINARY_DIR}/switchboard-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/plugin.cmake DESTINATION ${package_dir})

# Static libraries must be listed before the libraries that they use.
list(REVERSE libraries)
list(TRANSFORM libraries PREPEND "-l" OUTPUT_VARIABLE flags)
list(JOIN flags " " PC_LIBS)
configure_file(${CMAKE_CURRENT_LIST_DIR}/switchboard.pc.in ${PROJECT_BINARY_DIR}/switchboard.pc @ONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/switchboard-serve.pc.in ${PROJECT_BINARY_DIR}/switchboard-serve.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/switchboard.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET switchboard_serve)
    install(FILES ${PROJECT_BINARY_DIR}/switchboard-serve.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
