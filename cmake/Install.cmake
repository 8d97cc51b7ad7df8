# What `cmake --install` puts where: headers, both libraries, and a package that find_package(socle) reads.

include(CMakePackageConfigHelpers)

set(SOCLE_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/socle)
set(SOCLE_INSTALLED socle_static)
set_target_properties(socle_static PROPERTIES EXPORT_NAME socle_static)
if(SOCLE_BUILD_SHARED)
    list(APPEND SOCLE_INSTALLED socle_shared)
    set_target_properties(socle_shared PROPERTIES EXPORT_NAME socle)
endif()

install(TARGETS ${SOCLE_INSTALLED} EXPORT socle-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT socle-targets NAMESPACE socle:: DESTINATION ${SOCLE_PACKAGE_DIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/socle DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/socle-config.cmake.in
                              ${PROJECT_BINARY_DIR}/socle-config.cmake
                              INSTALL_DESTINATION ${SOCLE_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/socle-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/socle-config.cmake ${PROJECT_BINARY_DIR}/socle-config-version.cmake
        DESTINATION ${SOCLE_PACKAGE_DIR})
