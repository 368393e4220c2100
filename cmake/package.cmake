# install(): libraries, headers and a package config for find_package(switchboard).
include(CMakePackageConfigHelpers)
add_library(switchboard_switchboard INTERFACE)
add_library(switchboard::switchboard ALIAS switchboard_switchboard)
set_target_properties(switchboard_switchboard PROPERTIES EXPORT_NAME switchboard)
get_property(libraries GLOBAL PROPERTY SWITCHBOARD_LIBRARIES)
target_link_libraries(switchboard_switchboard INTERFACE ${libraries})

install(TARGETS switchboard_switchboard ${libraries} EXPORT switchboard-targets FILE_SET HEADERS)
install(EXPORT switchboard-targets NAMESPACE switchboard::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/switchboard)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/switchboard-config.cmake.in
    ${CMAKE_BINARY_DIR}/switchboard-config.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/switchboard)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/switchboard-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/switchboard-config.cmake
              ${CMAKE_BINARY_DIR}/switchboard-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/switchboard)
