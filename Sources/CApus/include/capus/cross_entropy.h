// Softmax cross-entropy of contiguous logits (rows, classes), f32, bf16 or f16, with i32 targets.
#ifndef CAPUS_CROSS_ENTROPY_H
#define CAPUS_CROSS_ENTROPY_H

#include "base.h"

/// loss[r] = (1 - smoothing) w_t (lse - x_t) + smoothing / classes sum_k w_k (lse - x_k), or 0
/// where target t = ignore. weight (classes) or NULL (all 1). lse (rows) and row_weight (rows; w_t,
/// 0 where ignored) are written if not NULL.
void apus_cross_entropy(apus_dtype type, int64_t rows, int64_t classes, const void *logits,
                        const int32_t *targets, const float *weight, int32_t ignore,
                        float smoothing, float *loss, float *lse, float *row_weight);
/// dlogits of sum_r scale[r scale_stride] loss[r] (stride 0: one scale for all rows).
void apus_cross_entropy_gradient(apus_dtype type, int64_t rows, int64_t classes, const void *logits,
                                 const int32_t *targets, const float *weight, int32_t ignore,
                                 float smoothing, const float *lse, const float *scale,
                                 int64_t scale_stride, void *dlogits);

#endif
