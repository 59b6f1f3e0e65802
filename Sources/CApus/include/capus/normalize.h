// Normalisations of contiguous data, f32, bf16 or f16; weights, biases, statistics and their
// gradients are f32.
#ifndef CAPUS_NORMALIZE_H
#define CAPUS_NORMALIZE_H

#include "matmul.h"

/// y = (x - mean) rstd weight + bias for each row; weight, bias (columns) or NULL. Two-pass
/// accuracy. mean, rstd (rows): written if not NULL.
void apus_layer_norm(apus_dtype type, int64_t rows, int64_t columns, float eps, const void *x,
                     const float *weight, const float *bias, void *y, float *mean, float *rstd);
/// dx, dweight, dbias: each written unless NULL.
void apus_layer_norm_gradient(apus_dtype type, int64_t rows, int64_t columns, const void *x,
                              const float *weight, const float *mean, const float *rstd,
                              const void *g, void *dx, float *dweight, float *dbias);

/// y = x rstd (weight + offset), rstd = 1 / sqrt(mean(x^2) + eps). weight (columns), or NULL: then
/// y = x rstd. rstd (rows): written if not NULL.
void apus_rms_norm(apus_dtype type, int64_t rows, int64_t columns, float eps, float offset,
                   const void *x, const float *weight, void *y, float *rstd);
void apus_rms_norm_gradient(apus_dtype type, int64_t rows, int64_t columns, float offset,
                            const void *x, const float *weight, const float *rstd, const void *g,
                            void *dx, float *dweight);

/// x (n, positions, channels): layer norm over each group of adjacent channels and all positions,
/// then the activation (NONE or SILU). weight, bias (channels) or NULL; mean, rstd (n, groups):
/// written if not NULL.
void apus_group_norm(apus_dtype type, int64_t n, int64_t positions, int64_t channels,
                     int64_t groups, float eps, apus_activation activation, const void *x,
                     const float *weight, const float *bias, void *y, float *mean, float *rstd);
/// dx, dweight, dbias: each written unless NULL. What the activation took is computed again, for
/// which it needs the bias that the forward pass had.
void apus_group_norm_gradient(apus_dtype type, int64_t n, int64_t positions, int64_t channels,
                              int64_t groups, apus_activation activation, const void *x,
                              const float *weight, const float *bias, const float *mean,
                              const float *rstd, const void *g, void *dx, float *dweight,
                              float *dbias);

#endif
