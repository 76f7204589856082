# bench_kernels: each kernel against the machine's peak. The peak loops are built per instruction set like the kernels.
set(bench_kernels_sources ${CMAKE_SOURCE_DIR}/bench/kernels/bench_kernels.c ${CMAKE_SOURCE_DIR}/bench/kernels/peak_generic.c)
foreach(isa avx2 avx512 neon)
  if(DEFINED ISA_FLAGS_${isa})
    set(source ${CMAKE_SOURCE_DIR}/bench/kernels/peak_${isa}.c)
    set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${ISA_FLAGS_${isa}}")
    list(APPEND bench_kernels_sources ${source})
  endif()
endforeach()
add_executable(bench_kernels ${bench_kernels_sources})
target_link_libraries(bench_kernels PRIVATE trident_static)
set_target_properties(bench_kernels PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)

# bench_search, bench_tokenizer: one program a file
foreach(name bench_search bench_tokenizer)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/bench/${name}.c)
  target_link_libraries(${name} PRIVATE trident_static)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endforeach()
