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
// 220: long streams, fetched 4 KB ahead, and 10 to 20 instructions for 64 bytes.
#include "block_pack.h"
#include "capus/threads.h"
#include "quantized_exact.h"

// 32 values of a row of x, as int8 with a scale for each of the one or two sub-blocks.
typedef struct x_step {
    int8_t q[32];
    float scale[2];
    union {
        int32_t start[2];   // formats with an offset: -offset Σ q, where the dot product starts
        float sum[2];       // formats with minima: -scale Σ q
    };
} x_step;

enum { BLOCK_ROWS = 64, EXACT_FEW = 16 };

typedef struct quantized_product {
    const block_format *f;
    int64_t m, n, steps;         // at most BLOCK_ROWS rows; k / 32 steps
    const x_step *x;             // (steps, m)
    const float *exact;          // or (m, k) rows exact_row apart
    int64_t exact_row;
    const uint8_t *w;            // (n / 16) groups of 16 packed rows of w_row bytes
    int64_t w_row;
    const uint8_t *last;         // the last group, where n is no multiple of 16
    const float *bias;
    float *y;
    int64_t y_row;
} quantized_product;

static const uint8_t *apus_packed_group(const quantized_product *p, int64_t group) {
    bool whole = (group + 1) * PACKED_ROWS <= p->n;
    return whole ? p->w + group * PACKED_ROWS * p->w_row : p->last;
}

typedef struct quantized_kernels {
    void (*values)(const uint8_t *group, int64_t k, int64_t first, int64_t count, float *out);
    void (*product)(const quantized_product *p, int64_t from, int64_t to);
    void (*exact)(const quantized_product *p, int64_t from, int64_t to);
    void (*round)(const block_format *f, int64_t rows, int64_t steps, const float *x,
                  int64_t x_row, int64_t stride, x_step *out);
} quantized_kernels;

// Format, suffix, values with one scale, offset, minima: as apus_block_format has them, but
// constants; the largest code; bytes of a step of 16 packed rows.
#define FORMATS(format)                               \
    format(Q4_0, q4_0, 32, 8, false, 15, 288)         \
    format(Q4_1, q4_1, 32, 0, true, 15, 320)          \
    format(Q5_0, q5_0, 32, 16, false, 31, 352)        \
    format(Q5_1, q5_1, 32, 0, true, 31, 384)          \
    format(Q8_0, q8_0, 32, 128, false, 255, 544)      \
    format(IQ4_NL, iq4_nl, 32, 128, false, 255, 288)  \
    format(Q2_K, q2_k, 16, 0, true, 3, 168)           \
    format(Q3_K, q3_k, 16, 4, false, 7, 220)          \
    format(Q4_K, q4_k, 32, 0, true, 15, 288)          \
    format(Q5_K, q5_k, 32, 0, true, 31, 352)          \
    format(Q6_K, q6_k, 16, 32, false, 63, 420)        \
    format(IQ4_XS, iq4_xs, 32, 128, false, 255, 272)

#define APUS_KERNELS "quantized.inc"
#include "every_isa.h"

static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

/// The rows after the last whole group, packed like one: in the thread's scratch, or NULL.
static const uint8_t *pack_last(const block_format *f, int64_t rows, int64_t row_bytes,
                                const uint8_t *w) {
    int64_t left = rows % PACKED_ROWS;
    if (left == 0) return NULL;
    uint8_t *last = apus_scratch(1, (size_t)(PACKED_ROWS * row_bytes) + 1);
    apus_pack_group(f, left, row_bytes, w + (rows - left) * row_bytes, last);
    return last;
}

// MARK: floats

typedef struct {
    void (*values)(const uint8_t *group, int64_t k, int64_t first, int64_t count, float *out);
    int64_t rows, columns, row_bytes;
    const uint8_t *packed, *last;
    float *x;
} values_job;

static void values_rows(const void *weights, int64_t row, int64_t count, float *out) {
    const values_job *job = weights;
    int64_t first = row % PACKED_ROWS;
    bool whole = row - first + PACKED_ROWS <= job->rows;
    const uint8_t *group = whole ? job->packed + (row - first) * job->row_bytes : job->last;
    job->values(group, job->columns, first, count, out);
}

static void values_task(void *context, int64_t group, int32_t thread) {
    (void)thread;
    const values_job *job = context;
    int64_t row = group * PACKED_ROWS, left = job->rows - row;
    values_rows(job, row, left < PACKED_ROWS ? left : PACKED_ROWS, job->x + row * job->columns);
}

static values_job values_of(const block_format *f, apus_format format, int64_t rows,
                            int64_t columns, const void *packed) {
    int64_t row_bytes = columns / f->values * f->bytes;
    const uint8_t *last = pack_last(f, rows, row_bytes, packed);
    return (values_job){APUS_BEST(kernels)[format].values, rows, columns, row_bytes, packed, last,
                        NULL};
}

void apus_dequantize(apus_format format, int64_t rows, int64_t columns, const void *packed,
                     float *x) {
    const block_format *f = apus_block_format(format);
    if (!f || rows <= 0 || columns == 0) return;
    values_job job = values_of(f, format, rows, columns, packed);
    job.x = x;
    apus_parallel(parts(rows, PACKED_ROWS), values_task, &job);
}

// MARK: products

typedef struct {
    quantized_product p;         // of all rows
    quantized_kernels kernels;
    const float *x;              // (m, k) rows x_row apart
    int64_t x_row;
    x_step *rounded;             // (row blocks, steps, rows of a block)
    int64_t columns, column_tasks;
} product_job;

enum { ROUND_ROWS = 8, COLUMNS = 32 };

static int64_t rows_of_block(const product_job *job, int64_t row) {
    int64_t left = job->p.m - row / BLOCK_ROWS * BLOCK_ROWS;
    return left < BLOCK_ROWS ? left : BLOCK_ROWS;
}

static void round_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const product_job *job = context;
    const quantized_product *p = &job->p;
    int64_t row = task * ROUND_ROWS, block = row / BLOCK_ROWS * BLOCK_ROWS;
    int64_t rows = p->m - row < ROUND_ROWS ? p->m - row : ROUND_ROWS;
    job->kernels.round(p->f, rows, p->steps, job->x + row * job->x_row, job->x_row,
                       rows_of_block(job, row), job->rounded + block * p->steps + row - block);
}

static void product_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const product_job *job = context;
    quantized_product p = job->p;
    int64_t row = task / job->column_tasks * BLOCK_ROWS;
    int64_t from = task % job->column_tasks * job->columns, to = from + job->columns;
    p.x += row * p.steps;
    p.y += row * p.y_row;
    p.m = rows_of_block(job, row);
    job->kernels.product(&p, from, to < p.n ? to : p.n);
}

/// Columns in a task: long runs let the hardware read ahead, but eight tasks a thread even out.
static int64_t columns_of_task(const quantized_product *p) {
    int64_t blocks = parts(p->m, BLOCK_ROWS);
    int64_t even = p->n * blocks / (8 * apus_thread_count()), bytes = (256 << 10) / (p->w_row + 1);
    int64_t columns = even < bytes ? even : bytes;
    return columns < COLUMNS ? COLUMNS : columns / COLUMNS * COLUMNS;
}

static void exact_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const product_job *job = context;
    int64_t from = task * PACKED_ROWS, to = from + PACKED_ROWS;
    job->kernels.exact(&job->p, from, to < job->p.n ? to : job->p.n);
}

static void multiply(product_job *job) {
    quantized_product *p = &job->p;
    apus_parallel(parts(p->m, ROUND_ROWS), round_task, job);
    job->columns = columns_of_task(p);
    job->column_tasks = parts(p->n, job->columns);
    apus_parallel(job->column_tasks * parts(p->m, BLOCK_ROWS), product_task, job);
}

void apus_matmul_quantized(apus_format format, int64_t m, int64_t n, int64_t k, const float *x,
                           int64_t x_row, const void *w, const float *bias, bool exact, float *y,
                           int64_t y_row) {
    const block_format *f = apus_block_format(format);
    if (!f || m <= 0 || n <= 0) return;
    values_job weights = values_of(f, format, n, k, w);
    product_job job = {.kernels = APUS_BEST(kernels)[format], .x_row = x_row};
    job.p = (quantized_product){
        .f = f, .m = m, .n = n, .steps = k / 32, .exact = x, .exact_row = x_row, .w = w,
        .w_row = weights.row_bytes, .last = weights.last, .bias = bias, .y = y, .y_row = y_row,
    };
    if (exact && m <= EXACT_FEW) {
        apus_parallel(parts(n, PACKED_ROWS), exact_task, &job);
        return;
    }
    if (exact) {
        apus_matmul_exact(m, n, k, x, x_row, values_rows, &weights, bias, y, y_row);
        return;
    }
    // Rounded rows of at most 16 MB at a time.
    int64_t steps = k / 32, most = (16 << 20) / (steps * (int64_t)sizeof(x_step) + 1);
    most = most < BLOCK_ROWS ? BLOCK_ROWS : most / BLOCK_ROWS * BLOCK_ROWS;
    for (int64_t row = 0; row < m; row += most) {
        job.p.m = m - row < most ? m - row : most;
        job.x = x + row * x_row;
        job.rounded = apus_scratch(0, (size_t)(job.p.m * steps) * sizeof(x_step) + 1);
        job.p.x = job.rounded;
        job.p.y = y + row * y_row;
        multiply(&job);
    }
}
