# Rooms: every folder of the library is one object library that sees the public headers and only those rooms it is
# allowed to see. A room's headers are reached as "room/file.h" through a folder of links, one link per allowed room.

find_package(PkgConfig QUIET)
set(SOCLE_ROOMS "" CACHE INTERNAL "")
set(SOCLE_BACKENDS "" CACHE INTERNAL "")
set(SOCLE_LIBS "" CACHE INTERNAL "")

add_library(socle_flags INTERFACE)
target_compile_options(socle_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes
                       -Wmissing-prototypes $<$<BOOL:${SOCLE_WERROR}>:-Werror> -fno-math-errno)
if(SOCLE_SANITIZE)
    target_compile_options(socle_flags INTERFACE -fsanitize=${SOCLE_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(socle_flags INTERFACE -fsanitize=${SOCLE_SANITIZE})
endif()

function(socle_link_room name dir)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/rooms/${name})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${dir} ${PROJECT_BINARY_DIR}/rooms/${name}/${name} SYMBOLIC)
endfunction()

# socle_room(NAME DIR folder [USES room ...] [LIBS target ...])
function(socle_room name)
    cmake_parse_arguments(ROOM "" "DIR" "USES;LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${ROOM_DIR}/*.c)
    add_library(socle_${name} OBJECT ${sources})
    socle_link_room(${name} ${ROOM_DIR})
    target_include_directories(socle_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/include)
    foreach(room ${name} ${ROOM_USES})
        target_include_directories(socle_${name} PRIVATE ${PROJECT_BINARY_DIR}/rooms/${room})
    endforeach()
    target_compile_definitions(socle_${name} PRIVATE SOCLE_BUILDING _POSIX_C_SOURCE=200809L)
    # The reference and host code round each operation; only the kernels of Isa.cmake may contract.
    target_compile_options(socle_${name} PRIVATE -ffp-contract=off)
    target_link_libraries(socle_${name} PRIVATE socle_flags ${ROOM_LIBS})
    set(SOCLE_ROOMS ${SOCLE_ROOMS} socle_${name} CACHE INTERNAL "")
    set(SOCLE_LIBS ${SOCLE_LIBS} ${ROOM_LIBS} CACHE INTERNAL "")
endfunction()

# socle_backend(NAME ...): a room that defines `const socle_backend socle_backend_NAME` (and further tables named in
# TABLES); they are joined by a generated list.
function(socle_backend name)
    socle_room(${name} ${ARGN})
    set(SOCLE_BACKENDS ${SOCLE_BACKENDS} ${name} CACHE INTERNAL "")
endfunction()

# The libraries themselves, from all rooms, with the generated table of backends.
function(socle_library)
    set(tables ${SOCLE_BACKENDS})
    list(TRANSFORM tables REPLACE "^ref$" "ref;ref64")
    set(declarations "")
    set(entries "")
    foreach(table ${tables})
        string(APPEND declarations "extern const socle_backend socle_backend_${table};\n")
        string(APPEND entries "    &socle_backend_${table},\n")
    endforeach()
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/builtin_backends.c @ONLY CONTENT [[
/* Generated: the backends this library was built with. */
#include <socle/sys/backend.h>

@declarations@
extern const socle_backend *const socle_builtin_backends[];
const socle_backend *const socle_builtin_backends[] = {
@entries@    NULL,
};
]])
    set(objects "")
    foreach(room ${SOCLE_ROOMS})
        list(APPEND objects $<TARGET_OBJECTS:${room}>)
    endforeach()
    set(kinds static)
    if(SOCLE_BUILD_SHARED)
        list(APPEND kinds shared)
    endif()
    foreach(kind ${kinds})
        string(TOUPPER ${kind} KIND)
        add_library(socle_${kind} ${KIND} ${PROJECT_BINARY_DIR}/builtin_backends.c ${objects})
        set_target_properties(socle_${kind} PROPERTIES OUTPUT_NAME socle VERSION ${PROJECT_VERSION}
                              SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
        target_include_directories(socle_${kind} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
        target_link_libraries(socle_${kind} PRIVATE $<BUILD_INTERFACE:socle_flags> ${SOCLE_LIBS} Threads::Threads m)
        if(OpenMP_C_FOUND)
            target_link_libraries(socle_${kind} PRIVATE OpenMP::OpenMP_C)
        endif()
        add_library(socle::socle_${kind} ALIAS socle_${kind})
    endforeach()
    if(SOCLE_BUILD_SHARED AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT SOCLE_SANITIZE)
        target_link_options(socle_shared PRIVATE LINKER:-z,defs) # a missing function is found here, not at load time
    endif()
    if(SOCLE_BUILD_SHARED)
        add_library(socle::socle ALIAS socle_shared)
    else()
        add_library(socle::socle ALIAS socle_static)
    endif()
endfunction()
