// What every kernel shares: element types, strided arrays, the instruction set in use.
#ifndef CAPUS_BASE_H
#define CAPUS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Element types. Arithmetic is always done in f32 or wider; the narrow floats are storage.
typedef enum apus_dtype : int32_t {
    APUS_F32, APUS_BF16, APUS_F16, APUS_I32, APUS_I8, APUS_U8, APUS_BOOL
} apus_dtype;

#define APUS_MAX_RANK 8

/// A strided view of memory. `data` points at the element with all indices 0; strides count
/// elements and may be 0 (broadcast) or negative (flipped). Rank 0 is one scalar.
typedef struct apus_array {
    void *data;
    apus_dtype dtype;
    int32_t rank;
    int64_t shape[APUS_MAX_RANK];
    int64_t strides[APUS_MAX_RANK];
} apus_array;

/// Instruction sets for which the kernels are compiled, from the least to the most.
typedef enum apus_isa : int32_t {
    APUS_ISA_PORTABLE, APUS_ISA_NEON, APUS_ISA_AVX2, APUS_ISA_AVX512
} apus_isa;

/// The instruction set in use: the best that the CPU has, or what APUS_ISA forces it down to.
/// Chosen once.
apus_isa apus_cpu_isa(void);
const char *apus_isa_name(apus_isa isa);

/// Bytes of the level-1 data, level-2 and last-level caches, as the system reports them (defaults
/// where it does not).
typedef struct apus_caches { int64_t l1, l2, l3; } apus_caches;
apus_caches apus_cpu_caches(void);

#endif
