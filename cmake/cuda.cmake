# The card's plugin, libtrident_cuda.so, where the CUDA toolkit is; and its stand-in for the tests, which needs none. The program and
# the library never link to either (src/compute/plugin.c).
#
#   -DTRI_CUDA=AUTO|ON|OFF     AUTO (the default) builds it where nvcc is found and says nothing where it is not
#   -DTRI_CUDA_ARCHS="75;90"   the cards it is for; fewer make a smaller file. V100 (70) needs CUDA 12
set(TRI_CUDA AUTO CACHE STRING "build libtrident_cuda.so: AUTO, ON or OFF")
set(TRI_CUDA_ARCHS "" CACHE STRING "compute capabilities without the dot; empty: 75 80 86 89 90 100 120, as far as nvcc has them")
set(CUDA_NAMES plugin memory matrix linear rows attention score)

if(TRI_CUDA AND NOT TRI_SANITIZE)
  find_program(TRI_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
  mark_as_advanced(TRI_NVCC)
  if(TRI_NVCC)
    execute_process(COMMAND ${TRI_NVCC} --list-gpu-arch OUTPUT_VARIABLE nvcc_archs ERROR_QUIET)
    if(NOT TRI_CUDA_ARCHS)
      foreach(arch 75 80 86 89 90 100 120)
        if(nvcc_archs MATCHES "compute_${arch}")
          list(APPEND archs ${arch}-real)
          set(newest ${arch})
        endif()
      endforeach()
      list(APPEND archs ${newest}-virtual) # cards to come translate this
    else()
      set(archs ${TRI_CUDA_ARCHS})
    endif()
    set(CMAKE_CUDA_COMPILER ${TRI_NVCC})
    set(CMAKE_CUDA_ARCHITECTURES ${archs})
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    list(TRANSFORM CUDA_NAMES REPLACE "(.+)" "${CMAKE_SOURCE_DIR}/src/compute/cuda/\\1.cu" OUTPUT_VARIABLE cuda_sources)
    add_library(trident_cuda MODULE ${cuda_sources} ${CMAKE_SOURCE_DIR}/src/base/half.c)
    string(REPLACE ";" " " arch_words "${archs}")
    set_source_files_properties(${CMAKE_SOURCE_DIR}/src/compute/cuda/plugin.cu PROPERTIES COMPILE_DEFINITIONS
      "TRI_CUDA_ARCHS=\"CUDA ${CUDAToolkit_VERSION_MAJOR}.${CUDAToolkit_VERSION_MINOR} for ${arch_words}\"")
    target_compile_options(trident_cuda PRIVATE
      "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-fmad=false;-Xcompiler=-Wall,-Wextra,-Wno-missing-field-initializers,-fvisibility=hidden>"
      "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${TRI_WERROR}>>:--Werror=all-warnings>")
    target_link_libraries(trident_cuda PRIVATE CUDA::cublasLt CUDA::cudart_static)
    install(TARGETS trident_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL)
  elseif(NOT TRI_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "TRI_CUDA is ${TRI_CUDA} and nvcc was not found: set CUDACXX, or -DTRI_CUDA=AUTO")
  endif()
endif()

# What `make` builds beside the program: the plugin, or nothing.
add_custom_target(trident_plugins)
if(TARGET trident_cuda)
  add_dependencies(trident_plugins trident_cuda)
endif()

# The same sources as C, over tests/cuda: what the tests run where there is no card.
# ThreadSanitizer does not follow its changes of stacks.
if(TRI_TESTS AND NOT TRI_LIBFUZZER AND NOT CMAKE_C_FLAGS_DEBUG MATCHES "sanitize=thread")
  foreach(name ${CUDA_NAMES})
    file(WRITE ${CMAKE_BINARY_DIR}/emulated/${name}.c.in "#include \"compute/cuda/${name}.cu\"\n")
    configure_file(${CMAKE_BINARY_DIR}/emulated/${name}.c.in ${CMAKE_BINARY_DIR}/emulated/${name}.c COPYONLY)
    list(APPEND emulated_plugin ${CMAKE_BINARY_DIR}/emulated/${name}.c)
  endforeach()
  file(GLOB emulated_runtime CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/cuda/*.c)
  list(FILTER emulated_runtime EXCLUDE REGEX "/test_")
  add_library(trident_cuda_emulated MODULE ${emulated_plugin} ${emulated_runtime} ${CMAKE_SOURCE_DIR}/src/base/half.c)
  target_include_directories(trident_cuda_emulated PRIVATE ${CMAKE_SOURCE_DIR}/tests/cuda/include ${CMAKE_SOURCE_DIR}/tests/cuda)
  target_link_libraries(trident_cuda_emulated PRIVATE Threads::Threads m)
  set_target_properties(trident_cuda_emulated PROPERTIES C_EXTENSIONS ON)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT CMAKE_CROSSCOMPILING)
    include(CheckCSourceRuns)
    check_c_source_runs("int main(void) { return !__builtin_cpu_supports(\"fma\"); }" TRI_HAS_FMA) # kernels are full of fmaf
    if(TRI_HAS_FMA)
      target_compile_options(trident_cuda_emulated PRIVATE -mfma)
    endif()
  endif()
endif()
