// Compiles one kernel source for every instruction set. Use it once in a family's file:
//
//     #define APUS_KERNELS "softmax.inc"
//     #include "every_isa.h"
//     … APUS_BEST(softmax_rows)(x, y, n);
//
// The .inc file is included once per instruction set, with
//     VBYTES      bytes of a vector register
//     NAME(f)     f with the instruction set's suffix: all functions and types are named so
//     ISA_AVX512, ISA_AVX2, ISA_NEON, ISA_PORTABLE    1 for the one being compiled, else 0
// and vector.inc (vector types, loads, conversions, exp …) before it.
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "capus/base.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define APUS_JOIN_(a, b) a##b
#define APUS_JOIN(a, b) APUS_JOIN_(a, b)
#define NAME(f) APUS_JOIN(f, ISA_SUFFIX)

// Portable: what every CPU of the architecture has; no intrinsics.
#define ISA_SUFFIX _portable
#define VBYTES 16
#define ISA_PORTABLE 1
#define ISA_NEON 0
#define ISA_AVX2 0
#define ISA_AVX512 0
#include "vector.inc"
#include APUS_KERNELS
#undef ISA_SUFFIX
#undef VBYTES
#undef ISA_PORTABLE

#if defined(__x86_64__)
#define ISA_PORTABLE 0

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define ISA_SUFFIX _avx2
#define VBYTES 32
#undef ISA_AVX2
#define ISA_AVX2 1
#include "vector.inc"
#include APUS_KERNELS
#undef ISA_SUFFIX
#undef VBYTES
#undef ISA_AVX2
#define ISA_AVX2 0
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(                             \
    "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16"))), \
    apply_to = function)
#define ISA_SUFFIX _avx512
#define VBYTES 64
#undef ISA_AVX512
#define ISA_AVX512 1
#include "vector.inc"
#include APUS_KERNELS
#undef ISA_SUFFIX
#undef VBYTES
#undef ISA_AVX512
#define ISA_AVX512 0
#pragma clang attribute pop

#define APUS_BEST(kernel)                                       \
    (apus_cpu_isa() == APUS_ISA_AVX512 ? kernel##_avx512        \
     : apus_cpu_isa() == APUS_ISA_AVX2 ? kernel##_avx2 : kernel##_portable)

#elif defined(__aarch64__)
#define ISA_PORTABLE 0
#undef ISA_NEON
#define ISA_NEON 1
#define ISA_SUFFIX _neon
#define VBYTES 16
#include "vector.inc"
#include APUS_KERNELS
#undef ISA_SUFFIX
#undef VBYTES
#define APUS_BEST(kernel) (apus_cpu_isa() == APUS_ISA_NEON ? kernel##_neon : kernel##_portable)

#else
#define APUS_BEST(kernel) kernel##_portable
#endif
