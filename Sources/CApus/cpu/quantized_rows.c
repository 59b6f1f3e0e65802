// int8 codes with a scale for each row, and int4 codes with a scale and a zero for each group of a
// row. Bound by memory: one read of x for the extremes, one from the cache for the codes.
#include "capus/quantized.h"
#include "capus/threads.h"
#include "quantized_exact.h"

#define APUS_KERNELS "quantized_rows.inc"
#include "every_isa.h"

typedef struct {
    int64_t columns;
    const float *x;
    int8_t *q;
    float *scale;
} int8_job;

static void int8_task(void *context, int64_t row, int32_t thread) {
    (void)thread;
    const int8_job *job = context;
    int64_t at = row * job->columns;
    APUS_BEST(int8_row)(job->columns, job->x + at, job->q + at, job->scale + row);
}

void apus_quantize_int8_rows(int64_t rows, int64_t columns, const float *x, int8_t *q,
                             float *scale) {
    int8_job job = {columns, x, q, scale};
    apus_parallel(rows, int8_task, &job);
}

typedef struct {
    int64_t columns, group;
    bool zero_point;
    const float *x;          // (rows, columns)
    uint8_t *packed;         // (rows, columns / 2)
    float *scale, *zero;     // (rows, columns / group)
} int4_job;

static void int4_task(void *context, int64_t row, int32_t thread) {
    (void)thread;
    const int4_job *job = context;
    int64_t groups = job->columns / job->group, at = row * groups;
    for (int64_t g = at; g < at + groups; g++)
        APUS_BEST(int4_group)(job->group, job->zero_point, job->x + g * job->group,
                              job->packed + g * (job->group / 2), job->scale + g, job->zero + g);
}

void apus_quantize_int4_groups(int64_t rows, int64_t columns, int64_t group, bool zero_point,
                               const float *x, uint8_t *packed, float *scale, float *zero) {
    int4_job job = {columns, group, zero_point, x, packed, scale, zero};
    apus_parallel(rows, int4_task, &job);
}

typedef struct {
    int64_t columns, group;
    bool zero_point;
    const uint8_t *packed;
    const float *scale, *zero;
    float *x;
} int4_weights;

static void int4_row(const int4_weights *w, int64_t row, float *out) {
    int64_t groups = w->columns / w->group, at = row * groups;
    for (int64_t g = at; g < at + groups; g++, out += w->group) {
        // value = code scale + bias in either mode
        float bias = w->zero_point ? -w->zero[g] * w->scale[g] : w->zero[g];
        const uint8_t *packed = w->packed + g * (w->group / 2);
        APUS_BEST(int4_values)(w->group, packed, w->scale[g], bias, out);
    }
}

static void int4_rows(const void *weights, int64_t row, int64_t count, float *out) {
    const int4_weights *w = weights;
    for (int64_t r = 0; r < count; r++) int4_row(w, row + r, out + r * w->columns);
}

static void int4_values_task(void *context, int64_t row, int32_t thread) {
    (void)thread;
    const int4_weights *w = context;
    int4_row(w, row, w->x + row * w->columns);
}

void apus_dequantize_int4_groups(int64_t rows, int64_t columns, int64_t group, bool zero_point,
                                 const uint8_t *packed, const float *scale, const float *zero,
                                 float *x) {
    int4_weights weights = {columns, group, zero_point, packed, scale, zero, x};
    apus_parallel(rows, int4_values_task, &weights);
}

void apus_matmul_int4_groups(int64_t m, int64_t n, int64_t k, int64_t group, bool zero_point,
                             const float *x, const uint8_t *packed, const float *scale,
                             const float *zero, float *y) {
    int4_weights weights = {k, group, zero_point, packed, scale, zero, NULL};
    apus_matmul_exact(m, n, k, x, k, int4_rows, &weights, NULL, y, n);
}
