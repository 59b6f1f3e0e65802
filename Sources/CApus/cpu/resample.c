// Nearest and bilinear resampling of channels-last pictures.
//
// Where each output row and column reads is worked out once per call; rows go to the threads. The
// gradient gathers: each input pixel sums over the outputs that read it, in their order. The floor
// is memory: the larger picture is written or read once.
#include "capus/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "capus/threads.h"

/// An output coordinate reads (1 - weight) in[low] + weight in[high].
typedef struct resample_point { int64_t low, high; float weight; } resample_point;
/// The outputs start ..< end that read an input coordinate.
typedef struct resample_readers { int64_t start, end; } resample_readers;

typedef struct resample {
    int64_t h, w, c, oh, ow;
    apus_dtype type;
    resample_point *rows, *columns;                    // (oh), (ow)
    resample_readers *row_readers, *column_readers;    // (h), (w)
} resample;

/// How much of input i the output takes.
static inline float share(resample_point p, int64_t i) {
    return (p.low == i ? 1 - p.weight : 0) + (p.high == i ? p.weight : 0);
}

#define APUS_KERNELS "resample.inc"
#include "every_isa.h"

static resample_point point(int64_t o, int64_t h, int64_t oh, bool bilinear) {
    if (!bilinear) return (resample_point){o * h / oh, o * h / oh, 0};
    double at = fmax(((double)o + 0.5) * (double)h / (double)oh - 0.5, 0);
    int64_t low = (int64_t)at < h - 1 ? (int64_t)at : h - 1;
    return (resample_point){low, low + 1 < h ? low + 1 : low, (float)(at - (double)low)};
}

/// Fills one axis: what the outputs read, `points` (oh), and who reads the inputs, `readers` (h).
static void plan_axis(resample_point *points, resample_readers *readers, int64_t h, int64_t oh,
                      bool bilinear) {
    for (int64_t i = 0; i < h; i++) readers[i] = (resample_readers){oh, 0};
    for (int64_t o = 0; o < oh; o++) {
        points[o] = point(o, h, oh, bilinear);
        for (int64_t i = points[o].low; i <= points[o].high; i++) {
            if (o < readers[i].start) readers[i].start = o;
            readers[i].end = o + 1;
        }
    }
}

// MARK: tasks

typedef struct job {
    resample plan;
    bool bilinear;
    const char *in;
    char *out;
    int64_t rows, rows_per_task, size;   // size: bytes of an element
} job;

static void forward_row(const job *j, int64_t row) {
    const resample *r = &j->plan;
    const int64_t line = r->w * r->c * j->size, pixel = r->c * j->size;
    resample_point p = r->rows[row % r->oh];
    const char *x = j->in + row / r->oh * r->h * line;
    char *y = j->out + row * r->ow * pixel;
    if (j->bilinear) {
        APUS_BEST(bilinear_row)(r, x + p.low * line, x + p.high * line, p.weight, y);
        return;
    }
    x += p.low * line;
    for (int64_t ox = 0; ox < r->ow; ox++)
        memcpy(y + ox * pixel, x + r->columns[ox].low * pixel, (size_t)pixel);
}

static void forward_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const job *j = context;
    int64_t end = (task + 1) * j->rows_per_task;
    for (int64_t row = task * j->rows_per_task; row < end && row < j->rows; row++)
        forward_row(j, row);
}

static void gradient_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const job *j = context;
    const resample *r = &j->plan;
    int64_t end = (task + 1) * j->rows_per_task;
    for (int64_t row = task * j->rows_per_task; row < end && row < j->rows; row++) {
        const char *g = j->in + row / r->h * r->oh * r->ow * r->c * j->size;
        APUS_BEST(gradient_row)(r, g, row % r->h, j->out + row * r->w * r->c * j->size);
    }
}

static void run(const apus_resample *r, bool gradient, const void *in, void *out) {
    const int64_t out_row = (gradient ? r->w : r->ow) * r->c;
    const int64_t rows = r->n * (gradient ? r->h : r->oh);
    if (rows * out_row == 0) return;
    resample_point *points = malloc((size_t)(r->oh + r->ow + 1) * sizeof *points);
    resample_readers *readers = malloc((size_t)(r->h + r->w + 1) * sizeof *readers);
    if (!points || !readers) abort();   // the system has no memory left
    job j = {
        .plan = {.h = r->h, .w = r->w, .c = r->c, .oh = r->oh, .ow = r->ow, .type = r->type,
                 .rows = points, .columns = points + r->oh,
                 .row_readers = readers, .column_readers = readers + r->h},
        .bilinear = r->bilinear, .in = in, .out = out, .rows = rows,
        .rows_per_task = 1 + (1 << 14) / out_row, .size = r->type == APUS_F32 ? 4 : 2,
    };
    plan_axis(j.plan.rows, j.plan.row_readers, r->h, r->oh, r->bilinear);
    plan_axis(j.plan.columns, j.plan.column_readers, r->w, r->ow, r->bilinear);
    int64_t tasks = (rows + j.rows_per_task - 1) / j.rows_per_task;
    apus_parallel(tasks, gradient ? gradient_task : forward_task, &j);
    free(points);
    free(readers);
}

void apus_resample_forward(const apus_resample *r, const void *x, void *y) { run(r, false, x, y); }

void apus_resample_gradient(const apus_resample *r, const void *g, void *dx) {
    run(r, true, g, dx);
}
