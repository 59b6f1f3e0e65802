// Rotary position embedding.
#ifndef CAPUS_ROPE_H
#define CAPUS_ROPE_H

#include "base.h"

/// y = x with pairs of the first `dims` channels rotated: (a, b) -> (a cos - b sin, b cos + a sin).
/// A pair is (i, i + dims / 2), or (2 i, 2 i + 1) if interleaved; `inverse` rotates back, which is
/// the gradient. x, y (b, h, t, d), strided, of one float type; cos, sin f32, contiguous,
/// (b, t, dims / 2) if `per_batch`, else (1, t, dims / 2).
void apus_rope(const apus_array *x, const float *cos, const float *sin, bool per_batch,
               int64_t dims, bool interleaved, bool inverse, const apus_array *y);

#endif
