# Files into the binary, so that an installed `trident pull small-m3` needs no data folder: one C array a file and a table of them,
# as src/hub/embedded.h declares. Included by CMakeLists.txt after the hub's room is made; run as a script (cmake -P) by the build.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB_RECURSE names RELATIVE ${ROOT} ${ROOT}/*)
  list(SORT names)
  set(arrays "")
  set(table "")
  set(n 0)
  string(REPEAT "." 48 line) # 24 bytes a line
  foreach(name ${names})
    file(READ ${ROOT}/${name} bytes HEX)
    string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(APPEND arrays "static const uint8_t file_${n}[] = {\n${bytes}0};\n")
    string(APPEND table "    {\"${name}\", file_${n}, sizeof file_${n} - 1},\n")
    math(EXPR n "${n} + 1")
  endforeach()
  file(WRITE ${OUTPUT} "/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by cmake/embed.cmake from ${ROOT_NAME}; the 0 after each file is not counted. */\n"
       "#include \"hub/embedded.h\"\n\n${arrays}\nconst embedded_file embedded_files[] = {\n${table}};\nconst size_t embedded_count = ${n};\n")
  return()
endif()

set(EMBED_ROOT ${CMAKE_SOURCE_DIR}/data/models)
set(EMBED_OUTPUT ${CMAKE_BINARY_DIR}/embedded_models.c)
file(GLOB_RECURSE embed_inputs CONFIGURE_DEPENDS ${EMBED_ROOT}/*)
add_custom_command(
  OUTPUT ${EMBED_OUTPUT}
  COMMAND ${CMAKE_COMMAND} -DROOT=${EMBED_ROOT} -DROOT_NAME=data/models -DOUTPUT=${EMBED_OUTPUT} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${embed_inputs} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  COMMENT "embedding data/models")
target_sources(room_hub PRIVATE ${EMBED_OUTPUT})
