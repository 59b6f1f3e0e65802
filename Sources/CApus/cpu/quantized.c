// Products with block-quantised weights, y (m, n) = x (m, k) w^T + bias, and blocks to floats.
//
// x is rounded to int8 with a scale for as many values as share one in the weights' format, so that
// a dot product is whole numbers inside a sub-block and one multiply-add in f32 after it. Chunks of
// 256 values are what all formats are unpacked in: 8 blocks of 32, or one of 256.
//
// Few rows: every row of w is read once, unpacked into registers, and multiplied by up to four rows
// of x from the cache. With one row and weights of (4096, 4096), two Zen 5 cores read 4-bit weights
// at 50 GB/s from memory and 57 GB/s from the cache, where unpacking is the bound, and Q8_0 at 50
// to 65 and 103 GB/s; plain reading reaches 80 GB/s.
//
// Many rows: 2 vectors of columns × 256 values of w are unpacked and transposed to a panel in the
// level-1 cache, which every tile of rows then multiplies by int8 dot products of four values a
// lane. With 512 rows the same cores do 660 to 720 GOP/s; vpdpbusd alone reaches 2150.
#include "block_formats.h"
#include "capus/threads.h"
#include "quantized_exact.h"

// 256 values of a row of x, as int8 with a scale for each sub-block.
typedef struct x_chunk {
    int8_t q[256];
    float scale[16];
    union {
        int32_t start[16];   // formats with an offset: -offset Σ q, where the dot product starts
        float sum[16];       // formats with minima: -scale Σ q
    };
} x_chunk;

typedef struct quantized_product {
    const block_format *f;
    int64_t m, n, k, chunks;
    const x_chunk *x;            // (chunks, m)
    const uint8_t *w;            // (n) rows of w_row bytes
    int64_t w_row;
    const float *bias;
    float *y;
    int64_t y_row;
} quantized_product;

typedef struct quantized_kernels {
    void (*values)(const uint8_t *row, int64_t n, float *x);
    void (*dots)(const quantized_product *p, int64_t from, int64_t to);
    void (*tiles)(const quantized_product *p, int64_t column, int64_t row, int64_t rows);
    void (*round)(const block_format *f, const float *x, int64_t n, x_chunk *out);
    int32_t panel;
} quantized_kernels;

// Format, suffix, values with one scale, offset, minima: as apus_block_format has them, but
// constants.
#define FORMATS(format)                     \
    format(Q4_0, q4_0, 32, 8, false)        \
    format(Q4_1, q4_1, 32, 0, true)         \
    format(Q5_0, q5_0, 32, 16, false)       \
    format(Q5_1, q5_1, 32, 0, true)         \
    format(Q8_0, q8_0, 32, 128, false)      \
    format(IQ4_NL, iq4_nl, 32, 128, false)  \
    format(Q2_K, q2_k, 16, 0, true)         \
    format(Q3_K, q3_k, 16, 4, false)        \
    format(Q4_K, q4_k, 32, 0, true)         \
    format(Q5_K, q5_k, 32, 0, true)         \
    format(Q6_K, q6_k, 16, 32, false)       \
    format(IQ4_XS, iq4_xs, 32, 128, false)

#define APUS_KERNELS "quantized.inc"
#include "every_isa.h"

typedef struct {
    void (*values)(const uint8_t *row, int64_t n, float *x);
    const uint8_t *blocks;
    int64_t columns, row_bytes;
    float *x;
} values_job;

static void values_row(const void *weights, int64_t row, float *out) {
    const values_job *job = weights;
    job->values(job->blocks + row * job->row_bytes, job->columns, out);
}

static void values_task(void *context, int64_t row, int32_t thread) {
    (void)thread;
    const values_job *job = context;
    values_row(job, row, job->x + row * job->columns);
}

void apus_dequantize(apus_format format, int64_t rows, int64_t columns, const void *blocks,
                     float *x) {
    const block_format *f = apus_block_format(format);
    if (!f || columns == 0) return;
    int64_t row_bytes = columns / f->values * f->bytes;
    values_job job = {APUS_BEST(kernels)[format].values, blocks, columns, row_bytes, x};
    apus_parallel(rows, values_task, &job);
}

typedef struct {
    quantized_product p;
    quantized_kernels kernels;
    const float *x;              // (m, k) rows x_row apart
    int64_t x_row;
    x_chunk *rounded;
    int64_t columns;             // of w^T in a task for few rows
    int64_t rows, row_tasks;     // of x in a task for many
} product_job;

enum { ROUND_ROWS = 8, FEW_ROWS = 5 };

static void round_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const product_job *job = context;
    const quantized_product *p = &job->p;
    int64_t end = (task + 1) * ROUND_ROWS < p->m ? (task + 1) * ROUND_ROWS : p->m;
    for (int64_t row = task * ROUND_ROWS; row < end; row++)
        for (int64_t c = 0; c < p->chunks; c++) {
            int64_t left = p->k - c * 256;
            const float *x = job->x + row * job->x_row + c * 256;
            job->kernels.round(p->f, x, left < 256 ? left : 256, job->rounded + c * p->m + row);
        }
}

static void dots_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const product_job *job = context;
    int64_t from = task * job->columns, to = from + job->columns;
    job->kernels.dots(&job->p, from, to < job->p.n ? to : job->p.n);
}

static void tiles_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const product_job *job = context;
    int64_t row = task % job->row_tasks * job->rows, left = job->p.m - row;
    int64_t column = task / job->row_tasks * job->kernels.panel;
    job->kernels.tiles(&job->p, column, row, left < job->rows ? left : job->rows);
}

static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

/// Bytes of weights in a task for few rows: long runs let the hardware read ahead, but eight tasks
/// a thread even out.
static int64_t dots_bytes(const quantized_product *p) {
    int64_t share = p->n * p->w_row / (8 * apus_thread_count());
    return share < 8 << 10 ? 8 << 10 : share > 256 << 10 ? 256 << 10 : share;
}

static void multiply(product_job *job) {
    quantized_product *p = &job->p;
    apus_parallel(parts(p->m, ROUND_ROWS), round_task, job);
    if (p->m <= FEW_ROWS) {
        job->columns = parts(dots_bytes(p), p->w_row + 1);
        apus_parallel(parts(p->n, job->columns), dots_task, job);
        return;
    }
    // Rows are shared out only where there are too few panels for all threads.
    int64_t panels = parts(p->n, job->kernels.panel), wanted = 4 * apus_thread_count();
    job->row_tasks = panels >= wanted ? 1 : parts(wanted, panels);
    job->rows = parts(parts(p->m, job->row_tasks), 12) * 12;
    job->row_tasks = parts(p->m, job->rows);
    apus_parallel(panels * job->row_tasks, tiles_task, job);
}

void apus_matmul_quantized(apus_format format, int64_t m, int64_t n, int64_t k, const float *x,
                           int64_t x_row, const void *w, const float *bias, bool exact, float *y,
                           int64_t y_row) {
    const block_format *f = apus_block_format(format);
    if (!f || m <= 0 || n <= 0) return;
    quantized_kernels kernels = APUS_BEST(kernels)[format];
    int64_t chunks = parts(k, 256), row_bytes = k / f->values * f->bytes;
    if (exact) {
        values_job weights = {kernels.values, w, k, row_bytes, NULL};
        apus_matmul_exact(m, n, k, x, x_row, values_row, &weights, bias, y, y_row);
        return;
    }
    // Rounded rows of at most 16 MB at a time.
    int64_t most = (16 << 20) / (chunks * (int64_t)sizeof(x_chunk) + 1);
    most = most < 48 ? 48 : most;
    for (int64_t row = 0; row < m; row += most) {
        int64_t rows = m - row < most ? m - row : most;
        product_job job = {.kernels = kernels, .x = x + row * x_row, .x_row = x_row};
        job.rounded = apus_scratch(0, (size_t)(rows * chunks) * sizeof(x_chunk));
        job.p = (quantized_product){f, rows, n, k, chunks, job.rounded, w, row_bytes,
                                    bias, y + row * y_row, y_row};
        multiply(&job);
    }
}
