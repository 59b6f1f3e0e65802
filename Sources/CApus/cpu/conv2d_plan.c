// Plans of convolutions: which picture offsets an output takes, and how the work is cut into bands.
#include "conv2d_plan.h"

#include <stdlib.h>

#include "capus/threads.h"

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/// A 1×1 kernel at every pixel does not care for rows: the whole batch is one.
static apus_conv2d flattened(apus_conv2d c) {
    bool pointwise = c.kh == 1 && c.kw == 1 && c.stride_h == 1 && c.stride_w == 1 && !c.pad_h
        && !c.pad_w && c.oh == c.h && c.ow == c.w && c.type != APUS_I8;
    if (!pointwise) return c;
    c.w = c.ow = c.n * c.h * c.w;
    c.n = c.h = c.oh = 1;
    return c;
}

static void allocate(conv_plan *p, int64_t taps, int64_t phases) {
    p->tap = malloc((size_t)(taps + 1) * (sizeof(conv_tap) + sizeof(conv_run)));
    p->phase = malloc((size_t)phases * sizeof(conv_phase));
    if (!p->tap || !p->phase) abort();   // the system has no memory left
    p->run = (conv_run *)(p->tap + taps + 1);
}

void conv_free_plan(conv_plan *p) {
    free(p->tap);
    free(p->phase);
}

static void add_tap(conv_plan *p, conv_tap tap) {
    bool first = p->taps == 0;
    p->tap[p->taps++] = tap;
    p->min_dy = first ? tap.dy : smaller(p->min_dy, tap.dy);
    p->max_dy = first ? tap.dy : larger(p->max_dy, tap.dy);
    p->min_dx = first ? tap.dx : smaller(p->min_dx, tap.dx);
    p->max_dx = first ? tap.dx : larger(p->max_dx, tap.dx);
}

/// Outputs that tasks run over: those of the largest phase.
static int64_t most_rows(const conv_plan *p) { return ceil_div(p->out_h, p->out_step_h); }
static int64_t most_columns(const conv_plan *p) { return ceil_div(p->out_w, p->out_step_w); }

/// Whether outputs read only what the picture has, in the form that the kernel reads.
static bool reads_in_place(const conv_plan *p) {
    bool same = p->type == APUS_F32 || (p->unit == CONV_BF16 && p->in_group % 2 == 0);
    return same && !p->joined && p->min_dy >= 0 && p->min_dx >= 0
        && (most_rows(p) - 1) * p->step_h + p->max_dy < p->h
        && (most_columns(p) - 1) * p->step_w + p->max_dx < p->w;
}

/// Whether the weights outweigh the pixels: then every panel is packed by the task that uses it,
/// and read from its level-2 cache by all pixels. Between parts all sums wait there too.
static bool goes_by_panel(const conv_plan *p) {
    enum { LEAST_WEIGHTS = 1 << 21, MOST_SUMS = 1 << 18, PANELS_A_THREAD = 4 };   // bytes
    const int64_t panels = p->groups * p->panels, pixels = p->n * most_rows(p) * most_columns(p);
    return panels * p->taps * p->units * p->panel_width * 4 >= LEAST_WEIGHTS
        && pixels * p->panel_width * 4 <= MOST_SUMS
        && panels >= PANELS_A_THREAD * apus_thread_count();
}

/// One area.
static void keep_whole(conv_plan *p) {
    p->band_rows = most_rows(p);
    p->band_columns = most_columns(p);
    p->row_bands = p->column_bands = 1;
    p->panel_chunks = p->groups * p->panels;
    const int64_t columns = (p->band_columns - 1) * p->step_w + p->max_dx - p->min_dx + 1;
    const int64_t rows = (p->band_rows - 1) * p->step_h + p->max_dy - p->min_dy + 1;
    p->row_bytes = (p->in_place ? p->w : columns) * p->pixel_bytes;
    p->image_bytes = (p->in_place ? p->h : rows) * p->row_bytes;
}

/// Cuts the outputs into areas whose part of the picture stays in the level-2 cache.
static void cut_bands(conv_plan *p) {
    enum { TILES_A_ROW = 5, TASKS_A_THREAD = 4, TILE_ROWS = 14 };
    const int64_t budget = apus_cpu_caches().l2 * 3 / 8, columns = most_columns(p);
    const int64_t work = larger(2 * p->taps * p->in_group * p->out_channels / p->phases, 1);
    int64_t width = TILES_A_ROW * TILE_ROWS, rows = most_rows(p);
    if (rows == 1) width = larger(width, (1 << 21) / work / width * width);
    p->column_bands = ceil_div(columns, width);
    p->band_columns = ceil_div(columns, p->column_bands);
    int64_t span = (p->band_columns - 1) * p->step_w + p->max_dx - p->min_dx + 1;
    p->row_bytes = p->in_place ? p->w * p->pixel_bytes : span * p->pixel_bytes;
    int64_t line = span * p->pixel_bytes;
    int64_t fits = larger((budget / line - (p->max_dy - p->min_dy + 1)) / p->step_h + 1, 1);
    int64_t wanted = TASKS_A_THREAD * apus_thread_count();
    p->row_bands = ceil_div(rows, smaller(fits, rows));
    int64_t areas = p->n * p->column_bands;
    // Panels share a copy of the picture: enough of them for a task before bands become thin.
    const int64_t panels = p->groups * p->panels;
    p->panel_chunks = smaller(larger(panels / 4, 1), ceil_div(wanted, areas * p->row_bands));
    if (areas * p->row_bands * p->panel_chunks < wanted)
        p->row_bands = smaller(rows, ceil_div(wanted, areas * p->panel_chunks));
    p->band_rows = ceil_div(rows, p->row_bands);
    p->row_bands = ceil_div(rows, p->band_rows);
}

/// Taps that follow each other in the picture as in the packed weights become one run.
static void join_taps(conv_plan *p) {
    int64_t runs = 0;
    for (int64_t i = 0; i < p->phases; i++) {
        conv_phase *f = &p->phase[i];
        f->first_run = runs;
        for (int64_t t = f->first_tap; t < f->first_tap + f->taps; t++) {
            int64_t offset = (p->tap[t].dy - p->min_dy) * p->row_bytes
                + (p->tap[t].dx - p->min_dx) * p->pixel_bytes;
            conv_run *last = &p->run[runs - 1];
            if (runs > f->first_run && last->offset + last->units * 4 == offset)
                last->units += p->units, last->taps++;
            else p->run[runs++] = (conv_run){offset, p->units, 1};
        }
        f->runs = runs - f->first_run;
    }
}

/// Few channels would leave part of every unit empty: a row of the kernel becomes one tap.
static void join_columns(conv_plan *p) {
    enum { MOST_UNITS = 32 };
    const int64_t kw = p->max_dx - p->min_dx + 1, kh = p->taps / kw, in = kw * p->in_group;
    const int64_t units = ceil_div(in, p->in_unit);
    if (p->phases > 1 || p->groups > 1 || p->in_stride != 1 || p->taps != kh * kw
        || units >= kw * p->units || units > MOST_UNITS) return;
    for (int64_t t = 0; t < p->taps; t++)   // side by side, with their weights
        if (p->tap[t].dx != p->min_dx + t % kw || p->tap[t].dy != p->tap[t - t % kw].dy
            || p->tap[t].weight != t * p->in_group) return;
    for (int64_t ky = 0; ky < kh; ky++)
        p->tap[ky] = (conv_tap){p->tap[ky * kw].dy, 0, ky * in};
    p->joined = kw;
    p->joined_step = p->step_w;
    p->joined_dx = p->min_dx;
    p->phase[0].taps = p->taps = kh;
    p->min_dx = p->max_dx = 0;
    p->step_w = 1;
    p->in_group = in;
    p->units = units;
}

void conv_lay_out(conv_plan *p) {
    enum { SET_PERIOD = 4096, LINE = 64 };   // lines so far apart share a set of the level-1 cache
    join_columns(p);
    p->in_place = reads_in_place(p);
    p->group_bytes = p->units * 4;
    p->pixel_bytes = p->groups * p->group_bytes;
    if (p->pixel_bytes && p->step_w * p->pixel_bytes % SET_PERIOD == 0) {
        p->pixel_bytes += LINE;
        p->in_place = false;
    }
    if (!p->pixel_bytes) p->pixel_bytes = 4;   // no channels
    p->by_panel = goes_by_panel(p);
    if (p->by_panel) keep_whole(p);
    else cut_bands(p);
    join_taps(p);
}

conv_plan conv_plan_forward(const apus_conv2d *call) {
    const apus_conv2d c = flattened(*call);
    conv_plan p = {
        .n = c.n, .h = c.h, .w = c.w, .channels = c.cin, .out_h = c.oh, .out_w = c.ow,
        .out_channels = c.cout, .groups = c.groups, .in_group = c.cin / c.groups,
        .out_group = c.cout / c.groups, .type = c.type, .out_type = c.type,
        .step_h = c.stride_h, .step_w = c.stride_w,
        .out_step_h = 1, .out_step_w = 1, .phases = 1, .in_stride = 1,
    };
    p.out_stride = c.kh * c.kw * p.in_group;
    p.group_stride = p.out_group * p.out_stride;
    allocate(&p, c.kh * c.kw, 1);
    for (int64_t ky = 0; ky < c.kh; ky++)
        for (int64_t kx = 0; kx < c.kw; kx++)
            add_tap(&p, (conv_tap){ky * c.dilation_h - c.pad_h, kx * c.dilation_w - c.pad_w,
                                   (ky * c.kw + kx) * p.in_group});
    p.phase[0] = (conv_phase){.rows = c.oh, .columns = c.ow, .taps = p.taps};
    return p;
}

/// The taps of the pixels (y + stride_h i, x + stride_w j) of dx: those that meet an output.
static conv_phase gradient_phase(conv_plan *p, const apus_conv2d *c, int64_t y, int64_t x) {
    conv_phase f = {
        .y = y, .x = x, .rows = ceil_div(c->h - y, c->stride_h),
        .columns = ceil_div(c->w - x, c->stride_w), .first_tap = p->taps,
    };
    // Kernel columns run backwards, so that neighbouring taps are neighbours in the picture.
    for (int64_t ky = 0; ky < c->kh; ky++)
        for (int64_t kx = c->kw - 1; kx >= 0; kx--) {
            int64_t dy = y + c->pad_h - ky * c->dilation_h, dx = x + c->pad_w - kx * c->dilation_w;
            if (dy % c->stride_h || dx % c->stride_w) continue;
            add_tap(p, (conv_tap){dy / c->stride_h, dx / c->stride_w,
                                  (ky * c->kw + kx) * p->out_group});
        }
    f.taps = p->taps - f.first_tap;
    return f;
}

conv_plan conv_plan_gradient(const apus_conv2d *call) {
    const apus_conv2d c = flattened(*call);
    conv_plan p = {
        .n = c.n, .h = c.oh, .w = c.ow, .channels = c.cout, .out_h = c.h, .out_w = c.w,
        .out_channels = c.cin, .groups = c.groups, .in_group = c.cout / c.groups,
        .out_group = c.cin / c.groups, .type = c.type, .out_type = c.type,
        .step_h = 1, .step_w = 1,
        .out_step_h = c.stride_h, .out_step_w = c.stride_w, .out_stride = 1,
    };
    p.in_stride = c.kh * c.kw * p.out_group;
    p.group_stride = p.in_group * p.in_stride;
    allocate(&p, c.kh * c.kw, c.stride_h * c.stride_w);
    for (int64_t y = 0; y < c.stride_h && y < c.h; y++)
        for (int64_t x = 0; x < c.stride_w && x < c.w; x++)
            p.phase[p.phases++] = gradient_phase(&p, &c, y, x);
    return p;
}
