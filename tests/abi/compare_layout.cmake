# cmake -DPROGRAM=<abi_layout> -DTABLE=<layout.txt> [-DUPDATE=ON] -P compare_layout.cmake
execute_process(COMMAND "${PROGRAM}" OUTPUT_VARIABLE now COMMAND_ERROR_IS_FATAL ANY)
if(UPDATE)
    file(WRITE "${TABLE}" "${now}")
    return()
endif()
file(READ "${TABLE}" recorded)
if(NOT now STREQUAL recorded)
    file(WRITE "${PROGRAM}.now.txt" "${now}")
    message(FATAL_ERROR "The layout of the ABI is not the recorded one. See: diff ${TABLE} ${PROGRAM}.now.txt\n"
                        "If the change is meant: cmake --build <build> --target abi_layout_update")
endif()
