# bench_kernels: each kernel against the machine's peak
add_executable(bench_kernels ${CMAKE_SOURCE_DIR}/bench/kernels/bench_kernels.c)
target_link_libraries(bench_kernels PRIVATE trident_static)
set_target_properties(bench_kernels PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)

# bench_search, bench_tokenizer: one program a file
foreach(name bench_search bench_tokenizer)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/bench/${name}.c)
  target_link_libraries(${name} PRIVATE trident_static)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endforeach()
