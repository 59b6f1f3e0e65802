// Products of f32 rows with quantised weights, exact up to f32's rounding.
//
// Few rows: each row of w is turned into floats in the cache and multiplied by the rows of x, four
// at a time; up to 16 rows with blocks have a kernel of their own (quantized.inc). Many rows:
// blocks of rows of w that stay in the last-level cache are turned into floats, and the product is
// that of two f32 matrices.
#include "quantized_exact.h"
#include "capus/matmul.h"
#include "capus/threads.h"

#define APUS_KERNELS "quantized_exact.inc"
#include "every_isa.h"

enum { FEW_ROWS = 24, FLOATS = 4 };   // FLOATS: a scratch slot that apus_matmul_run leaves alone

typedef struct {
    int64_t m, n, k;
    const float *x;       // (m, k) rows x_row apart
    int64_t x_row;
    exact_rows values;
    const void *weights;
    const float *bias;
    float *y;
    int64_t y_row;
    int64_t column;       // many rows: the first of the block
    float *floats;        // (columns of the block, k)
} exact_job;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void few_rows_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const exact_job *job = context;
    int64_t from = task * EXACT_ROWS, to = least(from + EXACT_ROWS, job->n);
    float *w = apus_scratch(FLOATS, (size_t)job->k * sizeof *w);
    for (int64_t column = from; column < to; column++) {
        float sums[FEW_ROWS];
        job->values(job->weights, column, 1, w);
        APUS_BEST(exact_dots)(job->m, job->k, job->x, job->x_row, w, sums);
        for (int64_t row = 0; row < job->m; row++)
            job->y[row * job->y_row + column] = sums[row] + (job->bias ? job->bias[column] : 0);
    }
}

static void values_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const exact_job *job = context;
    int64_t from = job->column + task * EXACT_ROWS;
    job->values(job->weights, from, least(EXACT_ROWS, job->n - from),
                job->floats + task * EXACT_ROWS * job->k);
}

static void many_rows(exact_job *job) {
    int64_t block = (4 << 20) / job->k;   // rows of w in 16 MB
    block = least(block < 64 ? 64 : block / EXACT_ROWS * EXACT_ROWS, job->n);
    job->floats = apus_scratch(FLOATS, (size_t)(block * job->k) * sizeof(float));
    for (int64_t column = 0; column < job->n; column += block) {
        int64_t count = job->n - column < block ? job->n - column : block;
        job->column = column;
        apus_parallel((count + EXACT_ROWS - 1) / EXACT_ROWS, values_task, job);
        apus_matmul product = {
            .m = job->m, .n = count, .k = job->k, .a = job->x, .a_row = job->x_row, .a_column = 1,
            .b = job->floats, .b_row = 1, .b_column = job->k, .c = job->y + column,
            .c_row = job->y_row, .type = APUS_F32, .c_type = APUS_F32, .batch = 1, .alpha = 1,
            .bias = job->bias ? job->bias + column : NULL,
        };
        apus_matmul_run(&product);
    }
}

void apus_matmul_exact(int64_t m, int64_t n, int64_t k, const float *x, int64_t x_row,
                       exact_rows values, const void *weights, const float *bias, float *y,
                       int64_t y_row) {
    if (m <= 0 || n <= 0) return;
    exact_job job = {m, n, k, x, x_row, values, weights, bias, y, y_row, 0, NULL};
    if (m > FEW_ROWS && k > 0) many_rows(&job);
    else for (job.m = 0; m > 0; m -= job.m, job.x += job.m * x_row, job.y += job.m * y_row) {
        job.m = m < FEW_ROWS ? m : FEW_ROWS;
        apus_parallel((n + EXACT_ROWS - 1) / EXACT_ROWS, few_rows_task, &job);
    }
}
