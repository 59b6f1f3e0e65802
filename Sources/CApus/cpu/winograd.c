// Winograd's F(4×4, 3×3): 3×3 convolutions of stride 1 with a quarter of the multiplications.
//
// Tiles of 4×4 outputs read 6×6 pixels. Both the pixels and the weights are transformed to 36
// frequencies; at each, outputs are a matrix product over channels; then the sums are transformed
// back. The products run at the speed of the direct kernel, the transforms are about two
// instructions a value. 2.5 to 3 times the direct kernel's speed at 128 channels and more; errors
// stay below twice those of a direct sum. What is not finite spreads over its tile of outputs.
//
//   v   (channels / depth, groups, 36, rows, pitch)
//       a block of tiles in groups of at most GEMM_MR rows; every panel reads it in this order,
//       which the last-level cache streams
//   u   (36, depth, GEMM_NR)
//       weights of a panel, made by the task that uses them and kept in its level-2 cache: to read
//       them back from memory takes longer than to make them
//   m   (groups of the task, 36, rows, GEMM_NR)
//       sums
#include "conv2d_plan.h"

#include <string.h>

#include "capus/threads.h"

typedef struct winograd {
    const conv_plan *plan;
    const float *weight;
    int64_t tiles, tiles_image, tiles_row;
    int64_t panel_width, panels, most_rows;
    int64_t depth, pitch;                // channels of a chunk of v, and floats of a row
    int64_t first_tile, block_tiles;     // of the block at hand
    int64_t rows, groups, splits;        // tiles of a group, groups of a block, tasks of a panel
    int64_t v_chunk;                     // floats of (36, rows, pitch)
    float *v, *zeros;
} winograd;

#define APUS_KERNELS "winograd.inc"
#include "every_isa.h"

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

bool winograd_fits(const conv_plan *p) {
    enum { LEAST_CHANNELS = 32, LEAST_TILES = 16 };
    if (p->type != APUS_F32 || p->taps != 9 || p->phases != 1 || p->groups != 1) return false;
    if (p->step_h != 1 || p->step_w != 1) return false;
    if (p->max_dy - p->min_dy != 2 || p->max_dx - p->min_dx != 2) return false;
    int64_t tiles = p->n * ceil_div(p->out_h, 4) * ceil_div(p->out_w, 4);
    // Outputs that fill less than half of their tiles would be as fast without.
    return p->channels >= LEAST_CHANNELS && p->out_channels >= LEAST_CHANNELS
        && tiles >= LEAST_TILES && 2 * p->n * p->out_h * p->out_w >= 16 * tiles;
}

static void group_task(void *context, int64_t group, int32_t thread) {
    (void)thread;
    const winograd *w = context;
    int64_t first = group * w->rows, end = smaller(first + w->rows, w->block_tiles);
    for (int64_t tile = first; tile < end; tile++)
        APUS_BEST(winograd_tile)(w, w->first_tile + tile, group, tile - first);
}

static void product_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const winograd *w = context;
    int64_t split = task % w->splits;
    APUS_BEST(winograd_task)(w, w->groups * split / w->splits, w->groups * (split + 1) / w->splits,
                             task / w->splits);
}

/// Evenly filled blocks and groups. Returns the tiles of a block.
static int64_t cut_work(winograd *w) {
    enum { DEPTH = 64, LINE = 16, LEAST_GROUPS = 4, TASK_TILES = 168 };
    const int64_t channels = w->plan->channels;
    w->depth = smaller(ceil_div(channels, LINE) * LINE, DEPTH);
    w->pitch = w->depth + LINE;   // rows do not share cache sets
    int64_t chunks = ceil_div(channels, w->depth);
    int64_t block = apus_cpu_caches().l3 / 32 / (36 * chunks * w->pitch * 4);
    const int64_t least = LEAST_GROUPS * w->most_rows;   // for these the weights are transformed
    block = smaller(block < least ? least : block, w->tiles);
    block = ceil_div(w->tiles, ceil_div(w->tiles, block));
    w->groups = ceil_div(block, w->most_rows);
    w->rows = ceil_div(block, w->groups);
    w->v_chunk = 36 * w->rows * w->pitch;
    w->splits = smaller(ceil_div(4 * apus_thread_count(), w->panels), ceil_div(w->groups, 4));
    w->splits = smaller(w->groups, w->splits + block / TASK_TILES);
    w->v = apus_scratch(2, (size_t)(chunks * w->groups * w->v_chunk + channels) * 4);
    w->zeros = w->v + chunks * w->groups * w->v_chunk;
    memset(w->zeros, 0, (size_t)channels * 4);
    return block;
}

void winograd_run(const conv_plan *p, const float *weight) {
    winograd w = {.plan = p, .weight = weight};
    w.tiles_row = ceil_div(p->out_w, 4);
    w.tiles_image = ceil_div(p->out_h, 4) * w.tiles_row;
    w.tiles = p->n * w.tiles_image;
    APUS_BEST(winograd_shape)(&w);
    const int64_t block = cut_work(&w);
    for (; w.first_tile < w.tiles; w.first_tile += block) {
        w.block_tiles = smaller(block, w.tiles - w.first_tile);
        w.groups = ceil_div(w.block_tiles, w.rows);
        apus_parallel(w.groups, group_task, &w);
        apus_parallel(w.splits * w.panels, product_task, &w);
    }
}
