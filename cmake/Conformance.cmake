# The conformance program as a library, and the helpers it shares with the tests: no test framework in either, so that the
# tool `socle` has its selftest also where no tests are built. Built only for whoever links them.
set(tests ${PROJECT_SOURCE_DIR}/tests)
file(GLOB support CONFIGURE_DEPENDS ${tests}/support/*.c)
add_library(test_support STATIC EXCLUDE_FROM_ALL ${support})
target_include_directories(test_support PUBLIC ${tests} ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(test_support PUBLIC _GNU_SOURCE SOCLE_TEST_DIR="${tests}")
target_link_libraries(test_support PUBLIC socle_static m PRIVATE socle_flags)

file(GLOB conformance CONFIGURE_DEPENDS ${tests}/prim/conformance*.c)
add_library(conformance STATIC EXCLUDE_FROM_ALL ${conformance})
target_include_directories(conformance PUBLIC ${tests}/prim)
target_link_libraries(conformance PUBLIC test_support PRIVATE socle_flags)
