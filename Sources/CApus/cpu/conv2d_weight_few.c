// The weight gradient of a convolution with few input channels.
//
// dweight[co, lane] sums x[what the kernel covers at an output, lane] g[output, co] over all
// outputs, where a lane is one of (ky, kx, ci): a product of two tall matrices, the first of which
// is gathered. A task owns a piece of the outputs and goes over it in chunks:
//
//   x chunk    (units, lanes) in the level-2 cache, of which a tile of lanes is multiplied with
//   g chunk    (units, GEMM_NR), a panel of output channels
//   sums       (panels, lanes, GEMM_NR) f32; a tile is in registers during a chunk
//
// A unit is one output, or two where the instruction set multiplies pairs of bf16. The number of
// pieces depends on sizes alone, and they are added in order.
#include "conv2d_plan.h"

#include "capus/threads.h"

typedef struct few_weights {
    const apus_conv2d *call;
    const void *x, *g;
    apus_dtype type;                      // of dweight
    void *dweight;                        // (cout, lanes)
    int64_t in_group, out_group, lanes;
    int64_t width, panels;                // output channels of a panel, panels of a group
    int64_t per_unit, pieces, chunk;      // a chunk's outputs
    float *sums;                          // (groups, pieces, panels, lanes, width)
} few_weights;

#define APUS_KERNELS "conv2d_weight_few.inc"
#include "every_isa.h"

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t piece_floats(const few_weights *p) { return p->panels * p->lanes * p->width; }

static void sum_piece(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const few_weights *p = context;
    const int64_t outputs = p->call->n * p->call->oh * p->call->ow, piece = task % p->pieces;
    APUS_BEST(few_sums)(p, task / p->pieces, outputs * piece / p->pieces,
                        outputs * (piece + 1) / p->pieces, p->sums + task * piece_floats(p));
}

static void collect_panel(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const few_weights *p = context;
    APUS_BEST(few_write)(p, task / p->panels, task % p->panels, piece_floats(p));
}

bool conv_few_weights(const apus_conv2d *c, const void *x, const void *g, apus_dtype type,
                      void *dweight) {
    enum { PIECES = 16, LEAST_OUTPUTS = 256, MOST_SUMS = 1 << 21 };
    few_weights p = {
        .call = c, .x = x, .g = g, .type = type, .dweight = dweight,
        .in_group = c->cin / c->groups, .out_group = c->cout / c->groups,
    };
    APUS_BEST(few_shape)(&p);
    if (p.in_group >= p.width) return false;
    p.lanes = c->kh * c->kw * p.in_group;
    p.panels = (p.out_group + p.width - 1) / p.width;
    const int64_t outputs = c->n * c->oh * c->ow, floats = c->groups * piece_floats(&p);
    p.pieces = larger(smaller(smaller(PIECES, outputs / LEAST_OUTPUTS), MOST_SUMS / floats), 1);
    const int64_t budget = apus_cpu_caches().l2 * 3 / 8 / 4;   // floats of a chunk
    p.chunk = larger(budget / (p.lanes + p.width), 16) * p.per_unit;
    p.sums = apus_scratch(3, (size_t)(p.pieces * floats) * 4);
    apus_parallel(c->groups * p.pieces, sum_piece, &p);
    apus_parallel(c->groups * p.panels, collect_panel, &p);
    return true;
}
