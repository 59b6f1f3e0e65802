// Convolutions with few output channels: pictures of three colours, a discriminator's answer.
//
// A panel of weights has GEMM_NR lanes, and an output of three channels would use three of them.
// Here a lane is one of (tap, output channel): one product gives what every pixel of the picture
// contributes to the outputs around it, and each output sums the contributions that reach it.
//
//   turned   (taps × outputs, channels)        weights of a forward pass; a gradient's lie right
//   z        (images, h, w, taps × outputs)    contributions, f32: as many images at a time as
//                                              the last-level cache keeps
//
// The input gradient and the transposed convolution have the same form. 64 channels to 3 colours
// run 3 times as fast as by the direct kernels in bf16, a picture grown from one pixel 6 times.
#include "conv2d_plan.h"

#include <string.h>

#include "capus/threads.h"

enum { MOST_TAPS = 64 };

typedef struct narrow {
    const conv_plan *plan;
    int64_t lanes, lane[MOST_TAPS];   // taps × outputs, and a tap's first one
    int64_t first_image;              // of those in z
    float *z;
} narrow;

#define APUS_KERNELS "conv2d_narrow.inc"
#include "every_isa.h"

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

/// Whether the weights are (channels, taps × outputs), as those of gradients.
static bool lies_right(const conv_plan *p) {
    return p->out_stride == 1 && p->in_stride == p->taps * p->out_group;
}

bool conv_narrow_fits(const conv_plan *p) {
    enum { LANES_OF_PANEL = 32, MOST_WEIGHTS = 1 << 18, LEAST_GAIN = 2, LEAST_SUM = 16 };
    const int64_t lanes = p->taps * p->out_group;
    if (p->groups > 1 || p->taps < 2 || p->taps > MOST_TAPS) return false;
    if (!lies_right(p) && lanes * p->channels > MOST_WEIGHTS) return false;
    const int64_t outputs = p->out_h * p->out_w, taps = p->taps / p->phases;
    const int64_t direct = outputs * taps * round_up(p->out_group, LANES_OF_PANEL);
    const int64_t here = p->h * p->w * round_up(lanes, LANES_OF_PANEL);
    return direct * p->channels > LEAST_GAIN
        * (here * p->channels + (p->h * p->w + outputs) * taps * larger(p->out_group, LEAST_SUM));
}

/// (taps × outputs, channels) of elements of `size` bytes.
static void turn_weights(const conv_plan *p, const char *weight, int64_t size, char *to) {
    for (int64_t t = 0; t < p->taps; t++)
        for (int64_t o = 0; o < p->out_group; o++)
            for (int64_t i = 0; i < p->channels; i++, to += size) {
                const int64_t at = p->tap[t].weight + o * p->out_stride + i * p->in_stride;
                memcpy(to, weight + at * size, (size_t)size);
            }
}

static void row_task(void *context, int64_t row, int32_t thread) {
    (void)thread;
    const narrow *job = context;
    APUS_BEST(narrow_row)(job, row / job->plan->out_h, row % job->plan->out_h);
}

void conv_narrow_run(const conv_plan *p, const void *weight) {
    const int64_t size = p->type == APUS_F32 ? 4 : 2, pixels = p->h * p->w, slack = 16;
    narrow job = {.plan = p, .lanes = p->taps * p->out_group};
    if (p->n * p->out_h * p->out_w == 0) return;
    const int64_t image_bytes = larger(pixels * job.lanes * 4, 1);
    const int64_t images = larger(smaller(apus_cpu_caches().l3 / 4 / image_bytes, p->n), 1);
    const int64_t floats = images * pixels * job.lanes + slack;
    const bool turn = !lies_right(p);
    job.z = apus_scratch(2, (size_t)(floats * 4 + turn * job.lanes * p->channels * size));
    char *turned = (char *)(job.z + floats);
    if (turn) turn_weights(p, weight, size, turned);
    for (int64_t t = 0; t < p->taps; t++)
        job.lane[t] = turn ? t * p->out_group : p->tap[t].weight;
    for (; job.first_image < p->n; job.first_image += images) {
        const int64_t count = smaller(images, p->n - job.first_image);
        const apus_conv2d each = {
            .n = 1, .h = 1, .w = count * pixels, .cin = p->channels, .cout = job.lanes, .kh = 1,
            .kw = 1, .oh = 1, .ow = count * pixels, .stride_h = 1, .stride_w = 1,
            .dilation_h = 1, .dilation_w = 1, .groups = 1, .type = p->type,
        };
        conv_plan product = conv_plan_forward(&each);
        product.picture = (const char *)p->picture + job.first_image * pixels * p->channels * size;
        product.out = job.z;
        product.out_type = APUS_F32;
        if (!turn) product.out_stride = 1, product.in_stride = job.lanes;
        conv_run_plan(&product, turn ? turned : weight);
        conv_free_plan(&product);
        apus_parallel(count * p->out_h, row_task, &job);
    }
}
