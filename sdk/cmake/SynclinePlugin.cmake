# syncline_add_plugin(<target> SOURCES <file>... [KIND connector|strategy|scheduler] [LINK <library>...])
#
# Adds a plugin library: C++17, no "lib" prefix, exactly one exported symbol, every undefined symbol an
# error, never unloaded. It sees the headers of syncline::sdk and of what LINK names, and nothing else.
# KIND is recorded as a property of the target. The library is written to SYNCLINE_PLUGIN_DIR if that is
# set, and installed to SYNCLINE_PLUGIN_INSTALL_DIR if that is set.
#
# This file may be included straight from a checkout; find_package(SynclineSdk) includes it too.

if(NOT TARGET syncline::sdk)
    foreach(syncline_candidate "${CMAKE_CURRENT_LIST_DIR}/../include"
                               "${CMAKE_CURRENT_LIST_DIR}/../../../include")
        if(EXISTS "${syncline_candidate}/syncline/abi/abi.h")
            get_filename_component(syncline_include "${syncline_candidate}" ABSOLUTE)
            break()
        endif()
    endforeach()
    if(NOT syncline_include)
        message(FATAL_ERROR "The headers of the Syncline SDK are not where ${CMAKE_CURRENT_LIST_FILE} expects them.")
    endif()
    add_library(syncline_sdk INTERFACE)
    add_library(syncline::sdk ALIAS syncline_sdk)
    target_include_directories(syncline_sdk INTERFACE "${syncline_include}")
    target_compile_features(syncline_sdk INTERFACE cxx_std_17)
    unset(syncline_candidate)
    unset(syncline_include)
endif()

function(syncline_add_plugin target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "KIND" "SOURCES;LINK")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "syncline_add_plugin(${target}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_SOURCES)
        message(FATAL_ERROR "syncline_add_plugin(${target}): SOURCES is missing")
    endif()
    if(NOT arg_KIND)
        set(arg_KIND connector)
    endif()
    if(NOT arg_KIND MATCHES "^(connector|strategy|scheduler)$")
        message(FATAL_ERROR "syncline_add_plugin(${target}): KIND is connector, strategy or scheduler")
    endif()

    add_library(${target} MODULE ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE syncline::sdk ${arg_LINK})
    set_target_properties(${target} PROPERTIES
        PREFIX ""
        CXX_STANDARD 17
        CXX_STANDARD_REQUIRED ON
        CXX_EXTENSIONS OFF
        CXX_VISIBILITY_PRESET hidden
        C_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON
        POSITION_INDEPENDENT_CODE ON
        SYNCLINE_PLUGIN_KIND ${arg_KIND})

    if(UNIX AND NOT APPLE)
        set(map "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map")
        target_link_options(${target} PRIVATE
            "LINKER:--version-script=${map}" LINKER:-z,now LINKER:-z,nodelete LINKER:-Bsymbolic-functions)
        set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${map}")
        # The run-time of a sanitizer comes from the program, so its symbols are undefined here.
        get_directory_property(directory_options COMPILE_OPTIONS)
        set(all_options "${CMAKE_CXX_FLAGS} ${CMAKE_SHARED_LINKER_FLAGS} ${directory_options} ${SYNCLINE_SANITIZE}")
        if(NOT SYNCLINE_SANITIZE AND NOT all_options MATCHES "-fsanitize")
            target_link_options(${target} PRIVATE LINKER:-z,defs)
        endif()
    endif()

    if(SYNCLINE_PLUGIN_DIR)
        set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${SYNCLINE_PLUGIN_DIR}")
    endif()
    if(SYNCLINE_PLUGIN_INSTALL_DIR)
        install(TARGETS ${target} LIBRARY DESTINATION "${SYNCLINE_PLUGIN_INSTALL_DIR}")
    endif()
endfunction()
