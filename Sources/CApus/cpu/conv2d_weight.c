// The gradient of a convolution with respect to its weights.
//
// dweight[co, tap, ci] sums g[pixel, co] x[pixel · stride + tap, ci] over all pixels: an outer
// product a pixel. A task owns a block of weights (some output channels, all taps, GEMM_NR input
// channels) and goes over the pixels in order, chunk by chunk:
//
//   x chunk    (images, rows, columns, GEMM_NR) with its padding, in the level-2 cache
//   g chunk    (tiles, units, up to GEMM_MR)
//   acc        (tiles, taps, GEMM_MR, GEMM_NR) f32; a tile is in registers during a chunk
//
// A unit is one pixel in f32. Where the instruction set multiplies pairs of bf16 it is two outputs
// that are neighbours, and a column of x stands with the one that the next output takes.
//
// Work is split over weights: every sum has an order that does not depend on how many threads there
// are. Few input channels would fill few lanes: they go to conv2d_weight_few.c.
//
// Of the peak on Zen 5, two threads (f32 529 to 551, bf16 1027 to 1096 GFLOP/s), with batches of 32
// and 64 to 128 channels: f32 81 to 88 %, bf16 79 to 86 %, stride 2 of a 3×3 kernel 76 and 68 %.
#include "conv2d_plan.h"

#include "capus/threads.h"

typedef struct weight_plan {
    int64_t n, h, w, cin, cout, kh, kw, oh, ow, stride_h, stride_w, pad_h, pad_w;
    int64_t dilation_h, dilation_w, groups;
    apus_dtype type, out_type;
    const void *x, *g;
    void *dweight;                    // (cout, kh, kw, in_group)
    int64_t in_group, out_group, taps, lanes;
    int64_t per_unit;                 // pixels of a unit: 2 where bf16 is multiplied in pairs
    int64_t panel_width, tiles, tile_rows;
    int64_t x_columns, plain_columns, x_lines;
    int64_t panels, tile_groups, chunk_images, chunk_lines;
} weight_plan;

/// Weights of tiles first_tile ..< end_tile of a group's output channels and one panel of lanes.
typedef struct weight_block {
    int64_t group, panel, lanes, first_tile, end_tile;
} weight_block;

/// The rows of tile t when a group's output channels are divided evenly; *first is where it begins.
static int64_t weight_rows(const weight_plan *p, int64_t t, int64_t *first) {
    const int64_t base = p->out_group / p->tiles, more = p->out_group % p->tiles;
    *first = t * base + (t < more ? t : more);
    return base + (t < more);
}

#define APUS_KERNELS "conv2d_weight.inc"
#include "every_isa.h"

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// MARK: a panel of input channels

/// Depends on sizes only where it decides the order of sums.
static void cut_work(weight_plan *p) {
    const int64_t wanted = 2 * apus_thread_count();   // each packs the pixels once more
    const int64_t tile_bytes = p->taps * p->tile_rows * p->panel_width * 4;
    const int64_t tiles_kept = larger((1 << 18) / tile_bytes, 1);
    int64_t parts = larger(ceil_div(p->tiles, tiles_kept), ceil_div(wanted, p->panels * p->groups));
    p->tile_groups = smaller(parts, p->tiles);

    const int64_t budget = apus_cpu_caches().l2 * 3 / 8 / 4;   // floats of a chunk
    const int64_t tiles = smaller(p->tiles, tiles_kept), line = p->x_columns * p->panel_width;
    const int64_t row = ceil_div(p->ow, p->per_unit) * p->tile_rows * tiles;
    const int64_t halo = (p->kh - 1) * p->dilation_h + 1;
    int64_t image = p->oh * row + ((p->oh - 1) * p->stride_h + halo) * line;
    p->chunk_lines = p->oh;
    p->chunk_images = larger(smaller(budget / image, p->n), 1);
    if (image > budget) {
        int64_t lines = (budget - halo * line) / (row + p->stride_h * line) + 1;
        p->chunk_lines = ceil_div(p->oh, ceil_div(p->oh, larger(lines, 1)));
    }
    p->x_lines = (p->chunk_lines - 1) * p->stride_h + halo;
}

static void run_block(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const weight_plan *p = context;
    int64_t part = task % p->tile_groups, rest = task / p->tile_groups, panel = rest % p->panels;
    weight_block b = {
        .group = rest / p->panels, .panel = panel,
        .lanes = smaller(p->lanes - panel * p->panel_width, p->panel_width),
        .first_tile = p->tiles * part / p->tile_groups,
        .end_tile = p->tiles * (part + 1) / p->tile_groups,
    };
    const int64_t size = p->taps * p->tile_rows * p->panel_width;
    float *acc = apus_scratch(2, (size_t)((b.end_tile - b.first_tile) * size) * 4);
    APUS_BEST(weight_sums)(p, &b, acc);
    APUS_BEST(weight_write)(p, &b, acc);
}

static void run_panels(weight_plan *p) {
    p->taps = p->kh * p->kw;
    p->lanes = p->in_group;
    p->panels = ceil_div(p->lanes, p->panel_width);
    p->plain_columns = larger(p->ow - 1, 0) * p->stride_w + (p->kw - 1) * p->dilation_w + 1;
    p->x_columns = p->plain_columns + (p->ow % p->per_unit ? p->kw : 0);
    cut_work(p);
    apus_parallel(p->groups * p->panels * p->tile_groups, run_block, p);
}

/// A 1×1 kernel at every pixel: dweight = gᵀ x.
static bool run_pointwise(const apus_conv2d *c, const void *x, const void *g, apus_dtype type,
                          void *dweight) {
    if (c->kh != 1 || c->kw != 1 || c->stride_h != 1 || c->stride_w != 1 || c->pad_h || c->pad_w
        || c->oh != c->h || c->ow != c->w || c->groups != 1) return false;
    apus_matmul_run(&(apus_matmul){
        .m = c->cout, .n = c->cin, .k = c->n * c->h * c->w, .a = g, .a_row = 1, .a_column = c->cout,
        .b = x, .b_row = c->cin, .b_column = 1, .c = dweight, .c_row = c->cin, .type = c->type,
        .c_type = type, .batch = 1, .alpha = 1,
    });
    return true;
}

void apus_conv2d_weight_gradient(const apus_conv2d *c, const void *x, const void *g,
                                 apus_dtype type, void *dweight) {
    if (c->cout * c->kh * c->kw * c->cin == 0) return;
    if (run_pointwise(c, x, g, type, dweight)) return;
    const int64_t in_group = c->cin / c->groups;
    if (c->groups >= 4 && c->groups == c->cin && c->groups == c->cout) {
        depthwise_weight_gradient(c, x, g, type, dweight);
        return;
    }
    if (conv_few_weights(c, x, g, type, dweight)) return;
    weight_plan p = {
        .n = c->oh * c->ow ? c->n : 0, .h = c->h, .w = c->w, .cin = c->cin, .cout = c->cout,
        .kh = c->kh, .kw = c->kw, .oh = c->oh, .ow = c->ow, .stride_h = c->stride_h,
        .stride_w = c->stride_w, .pad_h = c->pad_h, .pad_w = c->pad_w, .dilation_h = c->dilation_h,
        .dilation_w = c->dilation_w, .groups = c->groups, .type = c->type, .out_type = type, .x = x,
        .g = g, .dweight = dweight, .in_group = in_group, .out_group = c->cout / c->groups,
    };
    APUS_BEST(weight_shape)(&p);
    run_panels(&p);
}
