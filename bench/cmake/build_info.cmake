# Run at every build, not at configuration: the commit moves without cmake being run again.
execute_process(COMMAND git describe --always --dirty --abbrev=12
    WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(UNCOMMITTED "")
if(COMMIT MATCHES "^(.*)-dirty$")
    set(COMMIT ${CMAKE_MATCH_1})
    set(UNCOMMITTED yes)
elseif(COMMIT)
    set(UNCOMMITTED no)
endif()
configure_file(${SOURCE}/cmake/build_info.hpp.in ${OUTPUT} @ONLY)
