# find_package(SynclineSdk): from an installation, or from a checkout with -DSynclineSdk_DIR=<checkout>/sdk/cmake.
include("${CMAKE_CURRENT_LIST_DIR}/SynclinePlugin.cmake")
