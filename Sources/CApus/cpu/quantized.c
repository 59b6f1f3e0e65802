// Products with block-quantised weights, y (m, n) = x (m, k) w^T + bias, and blocks to floats.
//
// x is rounded to int8 with a scale for as many values as share one in the weights' format, so that
// a dot product is whole numbers inside a sub-block and one multiply-add in f32 after it. The
// weights are packed (see block_pack.c): a lane is a column of y.
//
// A step is 32 values of k and 32 columns (two vectors): its codes are unpacked into 16 registers,
// and then every row of x, at most 64 at a time, passes by: 16 int8 dot products of four values a
// lane, and a multiplication and a multiply-add for each vector and scale. The sums of 64 rows and
// 32 columns (8 KB) are in the level-1 cache, the rounded rows (48 bytes a step) in the level-2.
// The sums of a row are added in the same order however many rows there are: a row's result does
// not depend on the others.
//
// Two Zen 5 cores do at most 2050 GOP/s of vpdpbusd. Scales take the same two pipes: 4 operations
// for 16 dot products, so that 80 % of that, 1640, is the limit (73 % where there are minima too,
// 67 % with a scale for every 16 values). 512 rows with weights of (4096, 4096) reach 1450 with
// Q4_0, 1400 with Q8_0, 1310 with Q4_K, 1170 with Q6_K: 85 to 88 % of it.
//
// Up to 16 rows of x that stay in f32 are multiplied by each step's weights as floats, a lane a
// column too.
//
// One row reads weights at 92 to 96 % of what plain reading takes from memory (two rows the same,
// four 82 to 88 %), and at 110 to 180 GB/s from the last-level cache, which plain reading does at
// 220: long streams, fetched ahead (see apus_fetch_ahead), and 10 to 20 instructions for 64 bytes.
// Two Zen 4 cores, whose memory gives 36 to 55 GB/s from minute to minute: 35 to 62.
#include "capus/threads.h"
#include "quantized_exact.h"
#include "quantized_product.h"

// Format, suffix, values of a block, values with one scale, offset, minima: as apus_block_format
// has them, but constants; the largest code; bytes of a step of 16 packed rows.
#define FORMATS(format)                                   \
    format(Q4_0, q4_0, 32, 32, 8, false, 15, 288)         \
    format(Q4_1, q4_1, 32, 32, 0, true, 15, 320)          \
    format(Q5_0, q5_0, 32, 32, 16, false, 31, 352)        \
    format(Q5_1, q5_1, 32, 32, 0, true, 31, 384)          \
    format(Q8_0, q8_0, 32, 32, 128, false, 255, 544)      \
    format(IQ4_NL, iq4_nl, 32, 32, 128, false, 255, 288)  \
    format(Q2_K, q2_k, 256, 16, 0, true, 3, 168)          \
    format(Q3_K, q3_k, 256, 16, 4, false, 7, 220)         \
    format(Q4_K, q4_k, 256, 32, 0, true, 15, 288)         \
    format(Q5_K, q5_k, 256, 32, 0, true, 31, 352)         \
    format(Q6_K, q6_k, 256, 16, 32, false, 63, 420)       \
    format(IQ4_XS, iq4_xs, 256, 32, 128, false, 255, 272)

#define APUS_KERNELS "quantized.inc"
#include "every_isa.h"

static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

const quantized_kernels *apus_quantized_kernels(apus_format format) {
    return &APUS_BEST(kernels)[format];
}

void apus_pack_last(const block_format *f, int64_t rows, int64_t row_bytes, const uint8_t *w,
                    uint8_t *out) {
    int64_t left = rows % PACKED_ROWS;
    if (left > 0) apus_pack_group(f, left, row_bytes, w + (rows - left) * row_bytes, out);
}

// MARK: floats

typedef struct {
    apus_format format;
    int64_t rows, columns, row_bytes;
    const uint8_t *packed, *stored, *last;
    int64_t packed_rows;
    float *x;
} values_job;

/// The 16 packed rows from `row` on.
static const uint8_t *group_at(const values_job *job, int64_t row) {
    int64_t end = row + PACKED_ROWS;
    if (job->stored && end > job->packed_rows) {
        uint8_t *panel = apus_scratch(PANEL, (size_t)(PACKED_ROWS * job->row_bytes));
        apus_pack_group(apus_block_format(job->format),
                        end < job->rows ? PACKED_ROWS : job->rows - row, job->row_bytes,
                        job->stored + row * job->row_bytes, panel);
        return panel;
    }
    return end <= job->rows ? job->packed + row * job->row_bytes : job->last;
}

static void values_rows(const void *weights, int64_t row, int64_t count, float *out) {
    const values_job *job = weights;
    int64_t first = row % PACKED_ROWS;
    const uint8_t *group = group_at(job, row - first);
    if (apus_is_plain(apus_block_format(job->format)))
        apus_plain_values(job->format, group, job->columns, first, count, out);
    else apus_quantized_kernels(job->format)->values(group, job->columns, first, count, out);
}

static void values_task(void *context, int64_t group, int32_t thread) {
    (void)thread;
    const values_job *job = context;
    int64_t row = group * PACKED_ROWS, left = job->rows - row;
    values_rows(job, row, left < PACKED_ROWS ? left : PACKED_ROWS, job->x + row * job->columns);
}

static values_job values_of(const block_format *f, apus_format format, int64_t rows,
                            int64_t columns, apus_blocks blocks) {
    int64_t row_bytes = columns / f->values * f->bytes;
    uint8_t *last = apus_scratch(1, (size_t)(PACKED_ROWS * row_bytes) + 1);
    if (!blocks.stored) apus_pack_last(f, rows, row_bytes, blocks.packed, last);
    return (values_job){
        .format = format, .rows = rows, .columns = columns, .row_bytes = row_bytes,
        .packed = blocks.packed, .stored = blocks.stored, .last = last,
        .packed_rows = blocks.packed_rows,
    };
}

void apus_dequantize(apus_format format, int64_t rows, int64_t columns, apus_blocks blocks,
                     float *x) {
    const block_format *f = apus_block_format(format);
    if (!f || rows <= 0 || columns == 0) return;
    values_job job = values_of(f, format, rows, columns, blocks);
    job.x = x;
    apus_parallel(parts(rows, PACKED_ROWS), values_task, &job);
}

typedef struct {
    values_job weights;
    const int32_t *index;
    float *x;
} rows_job;

static void rows_task(void *context, int64_t i, int32_t thread) {
    (void)thread;
    const rows_job *job = context;
    values_rows(&job->weights, job->index[i], 1, job->x + i * job->weights.columns);
}

void apus_dequantize_rows(apus_format format, int64_t rows, int64_t columns, apus_blocks blocks,
                          int64_t count, const int32_t *index, float *x) {
    const block_format *f = apus_block_format(format);
    if (!f || count <= 0 || columns == 0) return;
    rows_job job = {values_of(f, format, rows, columns, blocks), index, x};
    apus_parallel(count, rows_task, &job);
}

// MARK: products of an x that is not rounded

static void exact_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const quantized_product *p = context;
    int64_t from = task * PACKED_ROWS, to = from + PACKED_ROWS;
    p->kernel(p, from, to < p->n ? to : p->n);
}

void apus_matmul_quantized(apus_format format, int64_t m, int64_t n, int64_t k, const float *x,
                           int64_t x_row, const void *w, const float *bias, bool exact, float *y,
                           int64_t y_row) {
    const block_format *f = apus_block_format(format);
    if (!f || m <= 0 || n <= 0) return;
    if (!exact || format == APUS_PLAIN_F32) {
        apus_product one = {.format = format, .n = n, .w = {.packed = w}, .bias = bias, .y = y,
                            .y_row = y_row};
        apus_products(m, k, x, x_row, 1, &one, APUS_ACTIVATION_NONE);
        return;
    }
    values_job weights = values_of(f, format, n, k, (apus_blocks){.packed = w});
    if (m > EXACT_FEW || apus_is_plain(f)) {
        apus_matmul_exact(m, n, k, x, x_row, values_rows, &weights, bias, y, y_row);
        return;
    }
    quantized_product p = {
        .f = f, .kernel = apus_quantized_kernels(format)->exact, .m = m, .n = n, .k = k,
        .exact = x, .exact_row = x_row, .w = w, .w_row = weights.row_bytes, .last = weights.last,
        .bias = bias, .y = y, .y_row = y_row,
    };
    apus_parallel(parts(n, PACKED_ROWS), exact_task, &p);
}
