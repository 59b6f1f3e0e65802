// Pooling on contiguous channels-last data, f32, bf16 or f16.
#ifndef CAPUS_POOL2D_H
#define CAPUS_POOL2D_H

#include "base.h"

/// x (n, h, w, c), y (n, oh, ow, c).
typedef struct apus_pool2d {
    int64_t n, h, w, c, oh, ow, kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    bool count_include_pad;   // average: padding (not what lies beyond it) counts in the divisor
    bool adaptive;            // average: cell i of o covers floor(i h / o) ..< ceil((i + 1) h / o);
                              // kernel, stride and padding are unused
    apus_dtype type;
} apus_pool2d;

/// index (i32, y's shape) = row w + column of the largest value, -1 where a window holds none;
/// NULL if not wanted. Padding counts as -infinity; a NaN wins.
void apus_max_pool2d(const apus_pool2d *p, const void *x, void *y, int32_t *index);
void apus_max_pool2d_gradient(const apus_pool2d *p, const void *g, const int32_t *index, void *dx);
void apus_avg_pool2d(const apus_pool2d *p, const void *x, void *y);
void apus_avg_pool2d_gradient(const apus_pool2d *p, const void *g, void *dx);

#endif
