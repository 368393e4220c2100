# Run at every build, not at configuration: the commit moves without cmake being run again.
execute_process(COMMAND git describe --always --dirty --abbrev=12
    WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
configure_file(${SOURCE}/src/build_info.hpp.in ${OUTPUT} @ONLY)
