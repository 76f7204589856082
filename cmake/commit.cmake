# Which commit is in the binary? Asked at every build, since commits come between configurations; written only when the answer is
# another one, so that nothing is built for it otherwise. `trident bench` writes it into its rows. Included by CMakeLists.txt; run as a script (cmake -P) by the build.
if(CMAKE_SCRIPT_MODE_FILE)
  set(commit "unknown")
  find_package(Git QUIET)
  if(GIT_FOUND AND EXISTS ${ROOT}/.git)
    execute_process(COMMAND ${GIT_EXECUTABLE} --no-optional-locks describe --always --dirty WORKING_DIRECTORY ${ROOT}
                    OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(described MATCHES "^[A-Za-z0-9._/+-]+$")
      set(commit ${described})
    endif()
  endif()
  set(text "/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by cmake/commit.cmake. */\n#include \"cli/bench_report.h\"\n\n")
  string(APPEND text "const char bench_report_commit[] = \"${commit}\";\n")
  set(old "")
  if(EXISTS ${OUTPUT})
    file(READ ${OUTPUT} old)
  endif()
  if(NOT old STREQUAL text)
    file(WRITE ${OUTPUT} "${text}")
  endif()
  return()
endif()

set(COMMIT_OUTPUT ${CMAKE_BINARY_DIR}/built_commit.c)
add_custom_target(commit_is BYPRODUCTS ${COMMIT_OUTPUT}
  COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -DOUTPUT=${COMMIT_OUTPUT} -P ${CMAKE_SOURCE_DIR}/cmake/commit.cmake
  COMMENT "asking git for the commit")
target_sources(room_cli PRIVATE ${COMMIT_OUTPUT})
add_dependencies(room_cli commit_is)
