# Files into the binary, so that an installed `trident pull small-m3` needs no data folder: the assembler takes each in whole, and
# a table of them is what src/hub/embedded.h declares (C arrays of 20 MB take a compiler minutes and gigabytes). Included by
# CMakeLists.txt after the hub's room is made; run as a script (cmake -P) by the build.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB_RECURSE names RELATIVE ${ROOT} ${ROOT}/*)
  list(SORT names)
  set(arrays "")
  set(table "")
  set(n 0)
  foreach(name ${names})
    file(SIZE ${ROOT}/${name} size)
    string(APPEND arrays "EMBED(tri_embedded_${n}, \"${ROOT}/${name}\")\n")
    string(APPEND table "    {\"${name}\", tri_embedded_${n}, ${size}},\n")
    math(EXPR n "${n} + 1")
  endforeach()
  set(macro "#define EMBED(name, path) \\\n")
  string(APPEND macro "    __asm__(\".section .rodata\\n.balign 64\\n.globl \" #name \"\\n.hidden \" #name \"\\n\" #name \":\\n\" \\\n")
  string(APPEND macro "            \".incbin \\\"\" path \"\\\"\\n.byte 0\\n.previous\\n\"); \\\n")
  string(APPEND macro "    extern const uint8_t name[] __attribute__((visibility(\"hidden\")));\n")
  file(WRITE ${OUTPUT} "/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by cmake/embed.cmake from ${ROOT_NAME}; the 0 after each file is not counted. */\n"
       "#include \"hub/embedded.h\"\n\n${macro}\n${arrays}\nconst embedded_file embedded_files[] = {\n${table}};\nconst size_t embedded_count = ${n};\n")
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
