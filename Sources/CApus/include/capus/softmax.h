// Softmax along the last axis of contiguous (rows, columns), f32, bf16 or f16.
#ifndef CAPUS_SOFTMAX_H
#define CAPUS_SOFTMAX_H

#include "base.h"

/// y = softmax(x), or its logarithm. -inf entries get probability 0; a row of only -inf gives NaN,
/// as the definition does.
void apus_softmax(apus_dtype type, bool logarithm, int64_t rows, int64_t columns, const void *x,
                  void *y);
/// dx = (g - sum(g y)) y, or g - exp(y) sum(g) for the logarithm; y is the forward result.
void apus_softmax_gradient(apus_dtype type, bool logarithm, int64_t rows, int64_t columns,
                           const void *y, const void *g, void *dx);

#endif
