// Matrix products with fused epilogues, for batches.
#ifndef CAPUS_MATMUL_H
#define CAPUS_MATMUL_H

#include "base.h"

typedef enum apus_activation : int32_t {
    APUS_ACTIVATION_NONE, APUS_ACTIVATION_RELU, APUS_ACTIVATION_GELU, APUS_ACTIVATION_GELU_TANH,
    APUS_ACTIVATION_SILU
} apus_activation;

/// c = activation(alpha · a b + bias) + residual, for each entry of a batch. a (m, k), b (k, n), c
/// (m, n). Strides in elements; c's columns are adjacent. a and b are both f32, both bf16 or both
/// f16; c is of the same type or f32. Accumulation is f32. k = 0 gives zeros (plus the epilogue).
/// The result does not depend on the thread count. The call uses all scratch slots of the threads
/// that work on it.
typedef struct apus_matmul {
    int64_t m, n, k;
    const void *a; int64_t a_row, a_column;
    const void *b; int64_t b_row, b_column;
    void *c; int64_t c_row;
    apus_dtype type, c_type;
    int64_t batch;                                  // entries; offsets (elements) NULL if it is 1
    const int64_t *a_offset, *b_offset, *c_offset;
    float alpha;
    const float *bias;                              // (n) or NULL
    apus_activation activation;
    const void *residual; int64_t residual_row;     // c's type, or NULL; shares c_offset
} apus_matmul;

void apus_matmul_run(const apus_matmul *call);

/// The name of the kernel that apus_matmul_run would choose, for benchmarks.
const char *apus_matmul_kernel(const apus_matmul *call);

/// f32 matmul by OpenBLAS alone, for comparison: c (m, n) = op(a) op(b), row-major, with `threads`
/// of its own (0: one).
void apus_matmul_openblas(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k,
                          const float *a, const float *b, float *c, int32_t threads);

/// y = (x w^T) sx sw + bias: x (m, k) int8 with a scale a row, w (n, k) int8 with a scale a row;
/// int32 accumulation. bias (n) or NULL.
void apus_matmul_int8(int64_t m, int64_t n, int64_t k, const int8_t *x, const float *sx,
                      const int8_t *w, const float *sw, const float *bias, float *y);

#endif
