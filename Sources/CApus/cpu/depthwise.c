// Depthwise convolution: one weight a tap and channel, no sum over channels.
//
// The floor is memory: pictures are read and written once. Weights are turned to (taps, channels),
// so that everything is a vector over channels. 3×3 kernels of stride 1 go by strips of a few rows
// of outputs: their sums and the nine weights stay in registers, and a column that is read serves
// every row and the three outputs of each that it reaches. Elsewhere eight neighbouring outputs
// share each weight that is read, and their taps meet in the level-1 cache. The input gradient is
// the same with the plan of the gradient. The weight gradient sums a fixed number of pieces of
// rows, each in its own order, and then the pieces in order: the same for every thread count.
#include "conv2d_plan.h"

#include <string.h>

#include "capus/threads.h"

enum {
    MOST_TAPS = 64,   // of a row of outputs; larger kernels take the general way
    MOST_STRIP_ROWS = 4
};

typedef struct depthwise {
    const conv_plan *plan;
    const void *weight;
    float *turned;   // (taps, channels); of 3×3 kernels by dy, then dx
    const void *zeros;   // (w, channels): a row outside of the picture
    int64_t bands, band_rows;   // of an image, 3×3 kernels only: a band is a task
} depthwise;

/// One row of outputs of a phase, and the taps that are inside of the picture there.
typedef struct depthwise_row {
    int64_t taps, columns, inner_start, inner_end;
    int64_t out;                  // the element where it begins
    int64_t offset[MOST_TAPS];    // the element that the first output takes
    int64_t dx[MOST_TAPS];
    const float *weight[MOST_TAPS];
} depthwise_row;

/// A few rows of outputs of a 3×3 kernel.
typedef struct depthwise_strip {
    const void *row[MOST_STRIP_ROWS + 2];   // rows of the picture, (w, channels)
    int64_t out[MOST_STRIP_ROWS];           // the elements where its rows begin
} depthwise_strip;

typedef struct depthwise_weights {
    const apus_conv2d *call;
    const void *x, *g;
    apus_dtype type;          // of dweight
    void *dweight;
    float *sums;      // (pieces, taps, channels)
    int64_t pieces;
} depthwise_weights;

#define APUS_KERNELS "depthwise.inc"
#include "every_isa.h"

bool depthwise_fits(const conv_plan *p) {
    return p->in_group == 1 && p->out_group == 1 && p->taps <= MOST_TAPS && p->groups >= 4;
}

static float value(apus_dtype type, const void *p, int64_t i) {
    if (type == APUS_F32) return ((const float *)p)[i];
    uint16_t h = ((const uint16_t *)p)[i];
    if (type == APUS_BF16) return __builtin_bit_cast(float, (uint32_t)h << 16);
    float magnitude = (h & 0x7c00) == 0x7c00
        ? __builtin_bit_cast(float, 0x7f800000 | (uint32_t)(h & 0x3ff) << 13)
        : __builtin_bit_cast(float, (uint32_t)(h & 0x7fff) << 13) * 0x1p112f;
    return h & 0x8000 ? -magnitude : magnitude;
}

static void turn_weights(const depthwise *d) {
    const conv_plan *p = d->plan;
    for (int64_t t = 0; t < p->taps; t++) {
        const conv_tap *tap = &p->tap[t];
        int64_t to = d->zeros ? (tap->dy - p->min_dy) * 3 + tap->dx - p->min_dx : t;
        for (int64_t c = 0; c < p->channels; c++)
            d->turned[to * p->channels + c] =
                value(p->type, d->weight, tap->weight + c * p->group_stride);
    }
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return a > 0 ? (a + b - 1) / b : 0; }

static void run_phase_row(const depthwise *d, const conv_phase *f, int64_t image, int64_t row) {
    const conv_plan *p = d->plan;
    depthwise_row r = {.columns = f->columns, .inner_end = f->columns};
    r.out = ((image * p->out_h + f->y + row * p->out_step_h) * p->out_w + f->x) * p->channels;
    for (int64_t t = f->first_tap; t < f->first_tap + f->taps; t++) {
        const conv_tap *tap = &p->tap[t];
        int64_t y = row * p->step_h + tap->dy;
        if (y < 0 || y >= p->h) continue;
        r.inner_start = larger(r.inner_start, ceil_div(-tap->dx, p->step_w));
        r.inner_end = smaller(r.inner_end, ceil_div(p->w - tap->dx, p->step_w));
        r.offset[r.taps] = ((image * p->h + y) * p->w + tap->dx) * p->channels;
        r.dx[r.taps] = tap->dx;
        r.weight[r.taps++] = d->turned + t * p->channels;
    }
    APUS_BEST(depthwise_run_row)(d, &r);
}

static void row_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const depthwise *d = context;
    const conv_plan *p = d->plan;
    const int64_t rows = p->phase[0].rows, row = task % rows;   // the first phase has most rows
    for (int64_t i = 0; i < p->phases; i++)
        if (row < p->phase[i].rows) run_phase_row(d, &p->phase[i], task / rows, row);
}

// MARK: 3×3 kernels of stride 1

static bool is_3x3(const conv_plan *p) {
    return p->taps == 9 && p->phases == 1 && p->step_h == 1 && p->step_w == 1
        && p->max_dy - p->min_dy == 2 && p->max_dx - p->min_dx == 2;
}

static void band_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const depthwise *d = context;
    const int64_t first = task % d->bands * d->band_rows;
    APUS_BEST(depthwise_band)(d, task / d->bands, first,
                              smaller(first + d->band_rows, d->plan->out_h));
}

static void run_3x3(depthwise *d) {
    enum { BANDS_A_THREAD = 4 };
    const conv_plan *p = d->plan;
    const int64_t wanted = ceil_div(BANDS_A_THREAD * apus_thread_count(), p->n);
    const int64_t strips = ceil_div(p->out_h, MOST_STRIP_ROWS);
    d->band_rows = ceil_div(strips, smaller(wanted, strips)) * MOST_STRIP_ROWS;
    d->bands = ceil_div(p->out_h, d->band_rows);
    apus_parallel(p->n * d->bands, band_task, d);
}

void depthwise_run(const conv_plan *p, const void *weight) {
    if (p->n * p->out_h * p->out_w * p->channels == 0) return;
    const int64_t weights = p->taps * p->channels, zeros = is_3x3(p) ? p->w * p->channels : 0;
    depthwise d = {.plan = p, .weight = weight};
    d.turned = apus_scratch(3, (size_t)(weights + zeros) * 4);
    if (zeros) d.zeros = memset(d.turned + weights, 0, (size_t)zeros * 4);
    turn_weights(&d);
    if (zeros) run_3x3(&d);
    else apus_parallel(p->n * p->phase[0].rows, row_task, &d);
}

// MARK: weight gradient

static void piece_task(void *context, int64_t piece, int32_t thread) {
    (void)thread;
    const depthwise_weights *d = context;
    const apus_conv2d *c = d->call;
    const int64_t rows = c->n * c->oh, size = c->kh * c->kw * c->cin;
    float *sums = d->sums + piece * size;
    memset(sums, 0, (size_t)size * 4);
    for (int64_t row = rows * piece / d->pieces; row < rows * (piece + 1) / d->pieces; row++)
        APUS_BEST(depthwise_weight_row)(d, row / c->oh, row % c->oh, sums);
}

static void collect_task(void *context, int64_t tap, int32_t thread) {
    (void)thread;
    APUS_BEST(depthwise_collect)(context, tap);
}

void depthwise_weight_gradient(const apus_conv2d *c, const void *x, const void *g, apus_dtype type,
                               void *dweight) {
    enum { PIECES = 64 };
    depthwise_weights d = {.call = c, .x = x, .g = g, .type = type, .dweight = dweight};
    d.pieces = smaller(c->n * c->oh, PIECES);
    d.sums = apus_scratch(3, (size_t)(d.pieces * c->kh * c->kw * c->cin) * 4);
    apus_parallel(d.pieces, piece_task, &d);
    apus_parallel(c->kh * c->kw, collect_task, &d);
}
