// Rows of f32 to blocks. The formats of 32 values follow from the largest or the extreme values
// alone, by the rounding that the ecosystem's files have; the others are searched (block_search.c).
#include "block_formats.h"
#include "capus/threads.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF   // the bytes must not depend on fused multiply-adds

/// The whole part of x in 0 … high; NaN gives 0.
static int whole(float x, int high) {
    return !(x > 0) ? 0 : x < (float)high ? (int)x : high;
}

static float inverse(float x) { return x != 0 ? 1 / x : 0; }

/// The value farthest from 0 of 32, the first of equals.
static float farthest(const float *x) {
    float peak = 0;
    for (int i = 0; i < 32; i++)
        if (fabsf(x[i]) > fabsf(peak)) peak = x[i];
    return peak;
}

static void extremes(const float *x, float *low, float *high) {
    *low = *high = x[0];
    for (int i = 1; i < 32; i++) {
        if (x[i] < *low) *low = x[i];
        if (x[i] > *high) *high = x[i];
    }
}

static void put_code(uint8_t *q, uint8_t *high, int i, int code) {
    q[i % 16] |= (uint8_t)((code & 15) << i / 16 * 4);
    if (high) high[i / 8] |= (uint8_t)(code >> 4 << i % 8);
}

static void q4_0(const float *x, block_q4_0 *b) {
    float d = farthest(x) / -8;
    *b = (block_q4_0){.d = half_of_float(d)};
    for (int i = 0; i < 32; i++) put_code(b->q, NULL, i, whole(x[i] * inverse(d) + 8.5f, 15));
}

static void q4_1(const float *x, block_q4_1 *b) {
    float low, high;
    extremes(x, &low, &high);
    float d = (high - low) / 15;
    *b = (block_q4_1){.d = half_of_float(d), .m = half_of_float(low)};
    for (int i = 0; i < 32; i++)
        put_code(b->q, NULL, i, whole((x[i] - low) * inverse(d) + 0.5f, 15));
}

static void q5_0(const float *x, block_q5_0 *b) {
    float d = farthest(x) / -16;
    *b = (block_q5_0){.d = half_of_float(d)};
    for (int i = 0; i < 32; i++) put_code(b->q, b->high, i, whole(x[i] * inverse(d) + 16.5f, 31));
}

static void q5_1(const float *x, block_q5_1 *b) {
    float low, high;
    extremes(x, &low, &high);
    float d = (high - low) / 31;
    *b = (block_q5_1){.d = half_of_float(d), .m = half_of_float(low)};
    for (int i = 0; i < 32; i++)
        put_code(b->q, b->high, i, whole((x[i] - low) * inverse(d) + 0.5f, 31));
}

static void q8_0(const float *x, block_q8_0 *b) {
    float d = fabsf(farthest(x)) / 127;
    b->d = half_of_float(d);
    for (int i = 0; i < 32; i++) {
        float q = roundf(x[i] * inverse(d));
        b->q[i] = (int8_t)(!(q > -127) ? -127 : q < 127 ? (int)q : 127);
    }
}

/// To nearest, ties to even; NaN stays NaN.
static uint16_t bf16_of_float(float f) {
    uint32_t u = bits_of_float(f);
    return (uint16_t)(f == f ? (u + 0x7fff + (u >> 16 & 1)) >> 16 : u >> 16 | 0x40);
}

static void quantize_block(apus_format format, const float *x, const float *importance, void *b) {
    // Where nothing says what matters, the simple formats take the range as it is.
    bool is_plain = format <= APUS_PLAIN_F16 || format == APUS_PLAIN_BF16 || format == APUS_Q8_0;
    if (importance && !is_plain) return apus_quantize_searched(format, x, importance, b);
    switch (format) {
    case APUS_PLAIN_F32: memcpy(b, x, 4); return;
    case APUS_PLAIN_F16: *(half *)b = half_of_float(*x); return;
    case APUS_PLAIN_BF16: *(uint16_t *)b = bf16_of_float(*x); return;
    case APUS_Q4_0: return q4_0(x, b);
    case APUS_Q4_1: return q4_1(x, b);
    case APUS_Q5_0: return q5_0(x, b);
    case APUS_Q5_1: return q5_1(x, b);
    case APUS_Q8_0: return q8_0(x, b);
    default: return apus_quantize_searched(format, x, importance, b);
    }
}

typedef struct {
    apus_format format;
    int64_t columns, values, bytes;
    const float *x, *importance;
    uint8_t *blocks;
} quantize_job;

static void quantize_row(void *context, int64_t row, int32_t thread) {
    (void)thread;
    const quantize_job *job = context;
    int64_t blocks = job->columns / job->values;
    const float *x = job->x + row * job->columns;
    uint8_t *out = job->blocks + row * blocks * job->bytes;
    for (int64_t b = 0; b < blocks; b++) {
        const float *importance = job->importance ? job->importance + b * job->values : NULL;
        quantize_block(job->format, x + b * job->values, importance, out + b * job->bytes);
    }
}

void apus_quantize(apus_format format, int64_t rows, int64_t columns, const float *x,
                   const float *importance, void *blocks) {
    const block_format *f = apus_block_format(format);
    if (!f) return;
    quantize_job job = {format, columns, f->values, f->bytes, x, importance, blocks};
    apus_parallel(rows, quantize_row, &job);
}
