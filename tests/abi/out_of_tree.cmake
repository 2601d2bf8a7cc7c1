# cmake -DROOT=<checkout> -DWORK=<scratch> -DGENERATOR=<name> -DCXX=<compiler> -DNM=<nm> -P out_of_tree.cmake
#
# Installs the SDK and builds the samples with it as strangers would: copied elsewhere, three ways to find it.
function(run)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
    if(NOT code EQUAL 0)
        list(JOIN ARGV " " command)
        message(FATAL_ERROR "failed: ${command}\n${out}")
    endif()
endfunction()

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
run("${CMAKE_COMMAND}" -G "${GENERATOR}" -S "${ROOT}/sdk" -B "${WORK}/sdk-build")
run("${CMAKE_COMMAND}" --install "${WORK}/sdk-build" --prefix "${WORK}/prefix")
file(COPY "${ROOT}/samples/plugins" DESTINATION "${WORK}/elsewhere")

function(build_sample name way)
    run("${CMAKE_COMMAND}" -G "${GENERATOR}" -S "${source}/${name}" -B "${WORK}/${name}-${way}"
        "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Wconversion -Werror" ${ARGN})
    run("${CMAKE_COMMAND}" --build "${WORK}/${name}-${way}")
    run("${CMAKE_COMMAND}" "-DNM=${NM}" "-DLIBRARY=${WORK}/${name}-${way}/${name}.so"
        -P "${ROOT}/tests/abi/one_symbol.cmake")
endfunction()

set(source "${WORK}/elsewhere/plugins")
build_sample(memory_connector installed "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
build_sample(prefer_longest_name checkout "-DSynclineSdk_DIR=${ROOT}/sdk/cmake")
set(source "${ROOT}/samples/plugins")
build_sample(memory_connector included)
