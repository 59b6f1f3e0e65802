// 2-D convolution of channels-last pictures, forward and with respect to the input.
//
// An output pixel is a sum over taps; a tap is a picture offset and a (cin, cout) matrix. The input
// gradient is of the same form: for stride s it falls into s × s phases, each with the taps that
// reach it, and a transposed convolution is that. So one driver runs both (conv2d_plan.c):
//
//   weights    packed once a call into panels (groups, panels, taps, units, GEMM_NR)
//   area       rows × columns of outputs of one image: one task. Its part of the picture is copied
//              to scratch with its padding, converted and in whole units, small enough for the
//              level-2 cache; where nothing has to be added the picture is read in place.
//   panel      stays in the level-2 cache while every pixel of the area passes by it (a large one
//              in parts)
//   tile       up to GEMM_MR pixels × GEMM_NR channels, in registers over all taps. Channels are
//              side by side, so pixels are read where they lie and there is no im2col. Tiles take
//              pixels by pairs and go on in the next row.
//
// Where weights outweigh pixels, an area is the whole batch, copied once for all, and a task packs
// its panel itself. Where a few channels would leave units half empty (three colours in pairs of
// bf16), the copy holds for each output what a row of the kernel covers.
//
// Which kernel runs, and what measuring says (Zen 5, two threads; the peaks of the same runs were
// 540 to 550 GFLOP/s f32, 1025 to 1096 bf16, 2165 int8; GFLOP/s of the definition's products):
//
//   1×1, f32 3×3 of stride 2, 4×4, 7×7     direct      f32 91 to 94 % of the peak
//   bf16                                   direct      92 to 96 %, 7×7 of 3 channels 79 %
//   int8                                   direct      81 to 91 %, 7×7 of 3 channels 49 %
//   f32 3×3 of stride 1, 32 channels and   winograd    1.8 to 2.7 times the peak from 64 channels
//   more on both sides
//   one channel a group                    depthwise   the memory's bandwidth
//   lanes (tap, output) times pixels are   narrow      64 to 3 channels, bf16: 3 times the direct
//   less than half of direct's work                    kernel; 100 to 512 from one pixel: 6 times
//   weights of 2 MB, sums of all pixels    direct, by  1280 channels, 16×16: bf16 855 to 961
//   in 256 KB                              panel       GFLOP/s, int8 1490 to 1843 GOP/s
//
// f16, and bf16 where there is no bf16 dot product, become f32 on the way. A sum runs over taps and
// channels in order, in one accumulator: how the work is cut changes nothing in the result.
#include "conv2d_plan.h"

#include "capus/threads.h"

#define APUS_KERNELS "conv2d.inc"
#include "every_isa.h"

static void pack_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const conv_plan *p = context;
    APUS_BEST(conv_pack)(p, task / p->taps, task % p->taps,
                         p->packed + task * p->units * p->panel_width);
}

static void copy_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const conv_plan *p = context;
    const int64_t rows = p->image_bytes / p->row_bytes;
    APUS_BEST(conv_copy_line)(p, task / rows, task % rows + p->min_dy, p->min_dx,
                              p->copy + task * p->row_bytes);
}

static void area_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    APUS_BEST(conv_task)(context, task);
}

void conv_run_plan(conv_plan *p, const void *weight) {
    if (p->n * p->out_h * p->out_w * p->out_channels == 0) return;
    APUS_BEST(conv_shape)(p);
    conv_lay_out(p);
    p->weight = weight;
    const int64_t panels = p->groups * p->panels;
    if (p->by_panel && !p->in_place) {
        p->copy = apus_scratch(3, (size_t)(p->n * p->image_bytes));
        apus_parallel(p->n * (p->image_bytes / p->row_bytes), copy_task, p);
    } else if (!p->by_panel) {
        p->packed = apus_scratch(3, (size_t)(panels * p->taps * p->units * p->panel_width) * 4);
        apus_parallel(panels * p->taps, pack_task, p);
    }
    const int64_t areas = p->by_panel ? 1 : p->n * p->row_bands * p->column_bands;
    apus_parallel(areas * p->panel_chunks, area_task, p);
}

static void run_float(conv_plan *p, const void *weight) {
    if (depthwise_fits(p)) depthwise_run(p, weight);
    else if (winograd_fits(p)) winograd_run(p, weight);
    else if (conv_narrow_fits(p)) conv_narrow_run(p, weight);
    else conv_run_plan(p, weight);
    conv_free_plan(p);
}

// MARK: public functions

void apus_conv2d_forward(const apus_conv2d *c, const void *x, const void *weight, const float *bias,
                         apus_activation activation, const void *residual, void *y) {
    conv_plan p = conv_plan_forward(c);
    p.picture = x;
    p.bias = bias;
    p.activation = activation;
    p.residual = residual;
    p.out = y;
    run_float(&p, weight);
}

void apus_conv2d_input_gradient(const apus_conv2d *c, const void *g, const void *weight,
                                const float *bias, void *dx) {
    conv_plan p = conv_plan_gradient(c);
    p.picture = g;
    p.bias = bias;
    p.out = dx;
    run_float(&p, weight);
}

const char *apus_conv2d_kernel(const apus_conv2d *c) {
    conv_plan p = conv_plan_forward(c);
    const bool winograd = winograd_fits(&p), depthwise = depthwise_fits(&p);
    const bool narrow = conv_narrow_fits(&p);
    conv_free_plan(&p);
    if (depthwise) return "depthwise";
    if (winograd) return "winograd f32";
    if (narrow) return "narrow";
    return c->type == APUS_BF16 && apus_cpu_isa() == APUS_ISA_AVX512 ? "direct bf16" : "direct f32";
}
