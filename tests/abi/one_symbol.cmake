# cmake -DNM=<nm> -DLIBRARY=<plugin.so> -P one_symbol.cmake
execute_process(COMMAND "${NM}" -D --defined-only "${LIBRARY}" OUTPUT_VARIABLE out COMMAND_ERROR_IS_FATAL ANY)
string(STRIP "${out}" out)
if(NOT out MATCHES "^[0-9a-f]+ [DR] syncline_entry_v1$")
    message(FATAL_ERROR "A plugin exports syncline_entry_v1 and nothing else, but this one has:\n${out}")
endif()
