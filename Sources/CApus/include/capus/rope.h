// Rotary position embedding.
#ifndef CAPUS_ROPE_H
#define CAPUS_ROPE_H

#include "base.h"

/// y (b, h, t, d) = x with the first `dims` channels rotated: (a, b) -> (a cos - b sin, b cos + a
/// sin), where the pair is (i, i + dims / 2), or (2 i, 2 i + 1) if interleaved. cos, sin: f32 (b or
/// 1, t, dims / 2), contiguous; `per_batch` if they have b. inverse rotates back (the gradient). x,
/// y strided, f32, bf16 or f16.
void apus_rope(const apus_array *x, const float *cos, const float *sin, bool per_batch,
               int64_t dims, bool interleaved, bool inverse, const apus_array *y);

#endif
