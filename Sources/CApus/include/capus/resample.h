// Resampling of contiguous channels-last pictures, f32, bf16 or f16: x (n, h, w, c) to
// y (n, oh, ow, c).
#ifndef CAPUS_RESAMPLE_H
#define CAPUS_RESAMPLE_H

#include "base.h"

typedef struct apus_resample {
    int64_t n, h, w, c, oh, ow;
    // nearest: floor(i h / oh); bilinear: (i + 0.5) h / oh - 0.5 clamped at 0, no antialias
    bool bilinear;
    apus_dtype type;
} apus_resample;

void apus_resample_forward(const apus_resample *r, const void *x, void *y);
void apus_resample_gradient(const apus_resample *r, const void *g, void *dx);

#endif
