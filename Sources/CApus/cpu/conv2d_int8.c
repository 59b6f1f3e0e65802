// Convolution of int8 pictures with int8 weights, to f32.
//
// It runs through the driver of conv2d.c. vpdpbusd multiplies unsigned by signed: pictures are
// copied plus 128, and 128 times the sum of its weights is taken off every output channel again.
// Elsewhere both are signed. Sums are exact int32.
#include "conv2d_plan.h"

void apus_conv2d_int8(const apus_conv2d *c, const int8_t *x, const float *sx, const int8_t *weight,
                      const float *sw, const float *bias, float *y) {
    apus_conv2d call = *c;
    call.type = APUS_I8;
    conv_plan p = conv_plan_forward(&call);
    p.picture = x;
    p.bias = bias;
    p.out = y;
    p.picture_scale = sx;
    p.weight_scale = sw;
    conv_run_plan(&p, weight);
    conv_free_plan(&p);
}
