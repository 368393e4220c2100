# cmake -DBUILD=... -DWORK=... -DFLAGS=... -DCOMPILER=... -P run.cmake
# Installs BUILD into an empty prefix, builds the dependant against it, runs that and the program.
file(REMOVE_RECURSE ${WORK})

function(run)
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/build -G Ninja
    -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_CXX_COMPILER=${COMPILER} "-DCMAKE_CXX_FLAGS=${FLAGS}")
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/dependant)
# The sanitizer looks for the run-time type of every object, and there is none.
if(NOT FLAGS MATCHES "-fsanitize=.*undefined")
    run(${WORK}/build/plain)
endif()
run(${WORK}/prefix/bin/switchboard --version)
