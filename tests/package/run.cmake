# cmake -DBUILD=... -DWORK=... -DFLAGS=... -DCOMPILER=... -DC_FLAGS=... -DC_COMPILER=... -P run.cmake
# Installs BUILD into an empty prefix, builds a project against it, and runs that project and `switchboard`.
file(REMOVE_RECURSE ${WORK})

function(run)
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
function(build_project source folder)
    run(${CMAKE_COMMAND} -S ${source} -B ${folder} -G Ninja
        -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_CXX_COMPILER=${COMPILER} "-DCMAKE_CXX_FLAGS=${FLAGS}"
        -DCMAKE_C_COMPILER=${C_COMPILER} "-DCMAKE_C_FLAGS=${C_FLAGS}")
    run(${CMAKE_COMMAND} --build ${folder})
endfunction()

# The project that the guide recommends as a template.
build_project(${CMAKE_CURRENT_LIST_DIR}/../../examples/own_protocol ${WORK}/own_protocol)
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/own_protocol --output-on-failure)

# What `switchboard plugin new` writes is built, passes its test, and is served.
set(switchboard ${WORK}/prefix/bin/switchboard)
foreach(kind class coroutine c)
    set(project ${WORK}/my-${kind})
    run(${switchboard} plugin new my-${kind} --kind ${kind} --directory ${project})
    build_project(${project} ${project}/build)
    run(${CMAKE_CTEST_COMMAND} --test-dir ${project}/build --output-on-failure)
    run(${CMAKE_CURRENT_LIST_DIR}/serve_plugin.sh ${switchboard} my-${kind} ${project}/build/my-${kind}.so)
endforeach()
# The plugins of the guide.
build_project(${CMAKE_CURRENT_LIST_DIR}/../../examples/plugins ${WORK}/plugins)

build_project(${CMAKE_CURRENT_LIST_DIR} ${WORK}/build)
run(${WORK}/build/dependant)
# The undefined-behaviour sanitizer needs run-time types, which this program is built without.
if(NOT FLAGS MATCHES "-fsanitize=.*undefined")
    run(${WORK}/build/plain)
endif()
run(${WORK}/prefix/bin/switchboard --version)
run(${WORK}/prefix/bin/switchboard plugin inspect ${WORK}/build/shout.so)
run(${CMAKE_CURRENT_LIST_DIR}/own_server.sh ${WORK}/build/own-server ${WORK}/prefix/bin/switchboard
    ${WORK}/build/shout.so)

# A component that does not exist is an error.
execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/unknown -B ${WORK}/unknown -G Ninja
    -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_CXX_COMPILER=${COMPILER}
    RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(status EQUAL 0 OR NOT text MATCHES "switchboard has no component 'nonsense'")
    message(FATAL_ERROR "an unknown component was accepted: ${text}")
endif()

# Without CMake: pkg-config supplies the flags for the compiler and the linker.
file(GLOB_RECURSE pc ${WORK}/prefix/switchboard.pc)
cmake_path(GET pc PARENT_PATH pc_dir)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})
execute_process(COMMAND pkg-config --cflags --libs switchboard
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${FLAGS} ${flags}")
run(${COMPILER} -std=c++20 ${CMAKE_CURRENT_LIST_DIR}/main.cpp -o ${WORK}/by_pkg_config ${flags})
run(${WORK}/by_pkg_config)
execute_process(COMMAND pkg-config --cflags --libs switchboard-serve
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${FLAGS} ${flags}")
run(${COMPILER} -std=c++20 ${CMAKE_CURRENT_LIST_DIR}/server.cpp -o ${WORK}/server_by_pkg_config ${flags})
run(${WORK}/server_by_pkg_config --help)

# A project that includes Switchboard from source does not install it.
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/host -B ${WORK}/host -G Ninja
    -DSWITCHBOARD=${CMAKE_CURRENT_LIST_DIR}/../.. -DCMAKE_CXX_COMPILER=${COMPILER})
run(${CMAKE_COMMAND} --install ${WORK}/host --prefix ${WORK}/host_prefix)
file(GLOB_RECURSE installed RELATIVE ${WORK}/host_prefix ${WORK}/host_prefix/*)
if(NOT installed STREQUAL "host/CMakeLists.txt")
    message(FATAL_ERROR "installed with the host: ${installed}")
endif()
