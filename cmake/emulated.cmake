# EMULATED_SOURCES: tests/support/emulated*.c
set(EMULATED_SOURCES ${CMAKE_SOURCE_DIR}/tests/support/emulated.c)
