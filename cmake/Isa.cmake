# CPU kernels are written once (cpu/isa/body_*.h) and compiled once per instruction set. No other file gets these flags,
# link-time optimisation is off for them, and each exports one symbol: socle_cpu_<isa>, its table of kernels.

# Instrumented kernels at -O3 take minutes and a gigabyte each to compile; what sanitizers look for does not depend on it.
set(SOCLE_ISA_FLAGS -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast -fno-lto)
# GCC spills addresses to vector registers, from where they come back only behind all multiply-adds that still wait: every
# tile of a convolution then starts with a pause (a first layer's runs at 64 % of peak, at 73 % without).
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    include(CheckCCompilerFlag)
    check_c_compiler_flag(-mtune-ctrl=^inter_unit_moves_from_vec SOCLE_HAVE_TUNE_CTRL)
    if(SOCLE_HAVE_TUNE_CTRL)
        list(APPEND SOCLE_ISA_FLAGS -mtune-ctrl=^inter_unit_moves_from_vec)
    endif()
endif()
if(SOCLE_SANITIZE)
    list(APPEND SOCLE_ISA_FLAGS -O1)
endif()

# socle_isa(NAME flag ...): compiles cpu/isa/isa_NAME.c with the flags and tells cpu/select.c that it exists.
function(socle_isa name)
    add_library(socle_isa_${name} OBJECT ${CMAKE_CURRENT_SOURCE_DIR}/cpu/isa/isa_${name}.c)
    target_include_directories(socle_isa_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/include
                               ${PROJECT_BINARY_DIR}/rooms/cpu)
    target_link_libraries(socle_isa_${name} PRIVATE socle_flags)
    target_compile_options(socle_isa_${name} PRIVATE ${SOCLE_ISA_FLAGS} ${ARGN})
    string(TOUPPER ${name} upper)
    target_compile_definitions(socle_cpu PRIVATE SOCLE_HAVE_ISA_${upper})
    set(SOCLE_ROOMS ${SOCLE_ROOMS} socle_isa_${name} CACHE INTERNAL "")
endfunction()

function(socle_cpu_isas)
    socle_isa(scalar)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
        socle_isa(avx2 -mavx2 -mfma)
        socle_isa(avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512)
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
        socle_isa(neon)
    endif()
    if(OpenMP_C_FOUND)
        # parallel.c is the only file that mentions OpenMP.
        set_source_files_properties(cpu/parallel.c PROPERTIES COMPILE_OPTIONS "${OpenMP_C_FLAGS}")
    endif()
endfunction()
