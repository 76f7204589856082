# EMULATED_SOURCES: tests/support/emulated*.c, each with the flags that its instruction set's stand-in needs.
set(EMULATED_SOURCES ${CMAKE_SOURCE_DIR}/tests/support/emulated.c)
if(DEFINED ISA_FLAGS_avx512vnni)
  list(APPEND EMULATED_SOURCES ${CMAKE_SOURCE_DIR}/tests/support/emulated_amx.c)
  set(source ${CMAKE_SOURCE_DIR}/tests/support/emulated_avxvnni.c)
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${ISA_FLAGS_avx2};-mavx512vl;-mavx512vnni")
  list(APPEND EMULATED_SOURCES ${source})
endif()
