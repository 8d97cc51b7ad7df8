# libdeflate, which decompresses .gz data: LIBDEFLATE_LIBRARY and LIBDEFLATE_INCLUDE_DIR. Older releases install no CMake
# package, and this asks for pkg-config no more than for that.
find_path(LIBDEFLATE_INCLUDE_DIR libdeflate.h)
find_library(LIBDEFLATE_LIBRARY NAMES deflate libdeflate)
mark_as_advanced(LIBDEFLATE_INCLUDE_DIR LIBDEFLATE_LIBRARY)
if(NOT LIBDEFLATE_INCLUDE_DIR OR NOT LIBDEFLATE_LIBRARY)
    message(FATAL_ERROR "libdeflate was not found; socle reads compressed data with it (Debian: libdeflate-dev)")
endif()
