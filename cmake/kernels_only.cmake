# TRI_KERNELS_ONLY: the rooms base and compute, and what judges them. Needs a C compiler and nothing else, so any target that the
# compiler knows can be built, and run under an emulator: `make test-arm` does so for AArch64.
find_package(Threads REQUIRED)
add_room(base)
add_room(compute)
get_target_property(base_sources room_base SOURCES)
list(FILTER base_sources EXCLUDE REGEX "/hash\\.c$") # its library is the one thing that a bare target lacks
set_target_properties(room_base PROPERTIES SOURCES "${base_sources}")
add_library(trident_static STATIC $<TARGET_OBJECTS:room_base> $<TARGET_OBJECTS:room_compute>)
target_link_libraries(trident_static PUBLIC Threads::Threads m)

include(cmake/emulated.cmake)
if(CMAKE_CROSSCOMPILING)
  add_compile_definitions(CONFORM_LIGHT)
endif()
add_library(test_support OBJECT ${CMAKE_SOURCE_DIR}/tests/support/conform.c
            ${CMAKE_SOURCE_DIR}/tests/support/conform_card.c ${EMULATED_SOURCES})
target_compile_definitions(test_support PRIVATE TEST_BUILD="${CMAKE_BINARY_DIR}")
target_include_directories(test_support PRIVATE ${CMAKE_SOURCE_DIR}/tests/support ${CMAKE_SOURCE_DIR}/tests/support/bare)
file(GLOB kernel_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/conformance/test_*.c ${CMAKE_SOURCE_DIR}/tests/compute/test_*.c)
foreach(source ${kernel_tests})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source} $<TARGET_OBJECTS:test_support>)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support ${CMAKE_SOURCE_DIR}/tests/support/bare)
  target_link_libraries(${name} PRIVATE trident_static)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endforeach()

add_executable(fuzz_kernels ${CMAKE_SOURCE_DIR}/fuzz/fuzz_kernels.c ${CMAKE_SOURCE_DIR}/fuzz/replay.c)
target_compile_options(fuzz_kernels PRIVATE -Wno-missing-prototypes)
target_link_libraries(fuzz_kernels PRIVATE trident_static)
set_target_properties(fuzz_kernels PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)

add_executable(bench_kernels ${CMAKE_SOURCE_DIR}/bench/kernels/bench_kernels.c)
target_link_libraries(bench_kernels PRIVATE trident_static)
set_target_properties(bench_kernels PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
