// Convolution of int8 pictures with int8 weights, to f32.
//
// It runs through the driver of conv2d.c with units of four channels (vpdpbusd) or two (pairs of
// int16, everywhere else). vpdpbusd multiplies unsigned by signed: pictures are copied plus 128,
// and 128 times the sum of its weights is taken off every output channel again. Sums are exact
// int32.
#include "conv2d_plan.h"

#include <string.h>

#include "capus/threads.h"

typedef struct job {
    const conv_plan *plan;
    const int8_t *weight;   // (cout, taps, in_group)
    char *units;            // (cout, taps, units)
    int32_t *correction;    // (cout)
} job;

/// One output channel's weights as units, zeros filling up the last of each tap; and their sum.
static void prepare(void *context, int64_t channel, int32_t thread) {
    (void)thread;
    const job *j = context;
    const conv_plan *p = j->plan;
    const int8_t *w = j->weight + channel * p->taps * p->in_group;
    char *to = j->units + channel * p->taps * p->units * 4;
    int32_t sum = 0;
    for (int64_t tap = 0; tap < p->taps; tap++, w += p->in_group, to += p->units * 4) {
        int32_t part = 0;
        for (int64_t i = 0; i < p->in_group; i++) part += w[i];
        sum += part;
        if (p->in_group % p->in_unit) memset(to + p->units * 4 - 4, 0, 4);
        if (p->unit == CONV_U8) memcpy(to, w, (size_t)p->in_group);
        else for (int64_t i = 0; i < p->in_group; i++) {
            int16_t v = w[i];
            memcpy(to + 2 * i, &v, 2);
        }
    }
    j->correction[channel] = 128 * sum;
}

void apus_conv2d_int8(const apus_conv2d *c, const int8_t *x, const float *sx, const int8_t *weight,
                      const float *sw, const float *bias, float *y) {
    apus_conv2d call = *c;
    call.type = APUS_I8;
    conv_plan p = conv_plan_forward(&call);
    conv_shape_units(&p);
    p.in_stride = 1;
    p.out_stride = p.taps * p.units;
    p.group_stride = p.out_group * p.out_stride;
    for (int64_t t = 0; t < p.taps; t++) p.tap[t].weight = t * p.units;
    const int64_t sums = (p.out_channels * 4 + 63) / 64 * 64;   // bytes
    char *block = apus_scratch(2, (size_t)(sums + p.out_channels * p.out_stride * 4));
    job j = {&p, weight, block + sums, (int32_t *)block};
    apus_parallel(p.out_channels, prepare, &j);
    p.picture = x;
    p.bias = bias;
    p.out = y;
    p.picture_scale = sx;
    p.weight_scale = sw;
    p.correction = j.correction;
    conv_run_plan(&p, j.units);
    conv_free_plan(&p);
}
