# The OpenCL backend, where OpenCL is to be had.
if(SOCLE_OPENCL STREQUAL "OFF")
    return()
endif()
find_package(OpenCL 1.2)
if(NOT OpenCL_FOUND)
    if(NOT SOCLE_OPENCL STREQUAL "AUTO")
        message(FATAL_ERROR "SOCLE_OPENCL is ON, but OpenCL's headers or loader were not found "
                            "(Debian: opencl-headers, ocl-icd-opencl-dev)")
    endif()
    message(STATUS "OpenCL was not found: socle is built without OpenCL devices "
                   "(Debian: opencl-headers, ocl-icd-opencl-dev)")
    return()
endif()
include(EmbedText)
file(GLOB kernels CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cl/kernels/*.cl ${CMAKE_CURRENT_SOURCE_DIR}/cl/kernels/*.clh)
socle_backend(cl DIR cl LIBS OpenCL::OpenCL)
socle_embed(${CMAKE_BINARY_DIR}/cl_sources.c ocl_source ${kernels}
            ${CMAKE_CURRENT_SOURCE_DIR}/include/socle/sys/unary.def ${CMAKE_CURRENT_SOURCE_DIR}/include/socle/sys/binary.def)
target_sources(socle_cl PRIVATE ${CMAKE_BINARY_DIR}/cl_sources.c)
