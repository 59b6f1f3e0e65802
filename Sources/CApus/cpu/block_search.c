// Quantises blocks whose best scales must be searched: Q2_K … Q6_K, IQ4_NL and IQ4_XS, and where
// importance is known Q4_0 … Q5_1.
//
// Each sub-block is fitted by itself first: among grids that stretch its range to all levels, or a
// bit less or more, the one whose least-squares scale (and minimum) leaves the smallest error. The
// block's d and dmin then make the largest of them the largest whole number; every sub-block
// chooses among the neighbouring whole numbers; and d and dmin follow by least squares, as long as
// that helps.
//
// Errors count alike where no importance is known, but for IQ4, whose levels lie far apart at the
// ends: there an error counts by the value's size.
#include "block_formats.h"

#include <math.h>

typedef struct search_format {
    int32_t values, sub;
    float low, high;                     // levels of a value
    bool table;                          // they are IQ4's
    int32_t scale_low, scale_high;       // whole numbers
    int32_t minimum_high;                // 0: no minima
    bool is_free;                        // scales, and minima of single blocks, have either sign
    int32_t tries; float stride;         // grids, tries on either side of the full range
} search_format;

typedef struct searched_block {
    float d, dmin;                       // exact as halves
    int32_t scale[16], minimum[16];
    int8_t level[256];
} searched_block;

static float search_half(double x) { return float_of_half(half_of_float((float)x)); }

/// x / d to the nearest of low … high.
static int search_whole(float x, float d, int low, int high) {
    float q = d != 0 ? x / d : 0;
    return !(q > (float)low) ? low : q < (float)high ? (int)rintf(q) : high;
}

#define APUS_KERNELS "block_search.inc"
#include "every_isa.h"

/// Writes `bits` low bits of value into bit `at` of bytes that were zero.
static void put_bits(uint8_t *byte, int at, int value) { *byte |= (uint8_t)(value << at); }

static void put_q2_k(const searched_block *s, block_q2_k *b) {
    *b = (block_q2_k){.d = half_of_float(s->d), .dmin = half_of_float(s->dmin)};
    for (int j = 0; j < 16; j++) b->scales[j] = (uint8_t)(s->scale[j] | s->minimum[j] << 4);
    for (int i = 0; i < 256; i++)
        put_bits(&b->q[i / 128 * 32 + i % 32], i % 128 / 32 * 2, s->level[i]);
}

static void put_q3_k(const searched_block *s, block_q3_k *b) {
    *b = (block_q3_k){.d = half_of_float(s->d)};
    for (int j = 0; j < 16; j++) {
        put_bits(&b->scales[j & 7], (j >> 3) * 4, (s->scale[j] + 32) & 15);
        put_bits(&b->scales[8 + (j & 3)], (j >> 2) * 2, (s->scale[j] + 32) >> 4);
    }
    for (int i = 0; i < 256; i++) {
        int code = s->level[i] + 4;
        put_bits(&b->q[i / 128 * 32 + i % 32], i % 128 / 32 * 2, code & 3);
        put_bits(&b->high[i % 32], i / 32, code >> 2);
    }
}

/// The twelve bytes of six-bit scales and minima.
static void put_scales(const searched_block *s, uint8_t *scales) {
    for (int j = 0; j < 4; j++) {
        int scale = s->scale[j + 4], minimum = s->minimum[j + 4];
        scales[j] = (uint8_t)(s->scale[j] | scale >> 4 << 6);
        scales[j + 4] = (uint8_t)(s->minimum[j] | minimum >> 4 << 6);
        scales[j + 8] = (uint8_t)((scale & 15) | (minimum & 15) << 4);
    }
}

static void put_q4_k(const searched_block *s, block_q4_k *b) {
    *b = (block_q4_k){.d = half_of_float(s->d), .dmin = half_of_float(s->dmin)};
    put_scales(s, b->scales);
    for (int i = 0; i < 256; i++)
        put_bits(&b->q[i / 64 * 32 + i % 32], i % 64 / 32 * 4, s->level[i]);
}

static void put_q5_k(const searched_block *s, block_q5_k *b) {
    *b = (block_q5_k){.d = half_of_float(s->d), .dmin = half_of_float(s->dmin)};
    put_scales(s, b->scales);
    for (int i = 0; i < 256; i++) {
        put_bits(&b->q[i / 64 * 32 + i % 32], i % 64 / 32 * 4, s->level[i] & 15);
        put_bits(&b->high[i % 32], i / 32, s->level[i] >> 4);
    }
}

static void put_q6_k(const searched_block *s, block_q6_k *b) {
    *b = (block_q6_k){.d = half_of_float(s->d)};
    for (int j = 0; j < 16; j++) b->scales[j] = (int8_t)s->scale[j];
    for (int i = 0; i < 256; i++) {
        int code = s->level[i] + 32;
        put_bits(&b->q[i / 128 * 64 + i % 64], i % 128 / 64 * 4, code & 15);
        put_bits(&b->high[i / 128 * 32 + i % 32], i % 128 / 32 * 2, code >> 4);
    }
}

/// 32 codes of 4 bits, and of 5 where there are `high` bits.
static void put_codes(const searched_block *s, int offset, uint8_t *q, uint8_t *high) {
    for (int i = 0; i < 32; i++) {
        int code = s->level[i] + offset;
        put_bits(&q[i % 16], i / 16 * 4, code & 15);
        if (high) put_bits(&high[i / 8], i % 8, code >> 4);
    }
}

static void put_q4_0(const searched_block *s, block_q4_0 *b) {
    *b = (block_q4_0){.d = half_of_float(s->d * (float)s->scale[0])};
    put_codes(s, 8, b->q, NULL);
}

static void put_q5_0(const searched_block *s, block_q5_0 *b) {
    *b = (block_q5_0){.d = half_of_float(s->d * (float)s->scale[0])};
    put_codes(s, 16, b->q, b->high);
}

static void put_q4_1(const searched_block *s, block_q4_1 *b) {
    half m = half_of_float(-s->dmin * (float)s->minimum[0]);
    *b = (block_q4_1){.d = half_of_float(s->d), .m = m};
    put_codes(s, 0, b->q, NULL);
}

static void put_q5_1(const searched_block *s, block_q5_1 *b) {
    half m = half_of_float(-s->dmin * (float)s->minimum[0]);
    *b = (block_q5_1){.d = half_of_float(s->d), .m = m};
    put_codes(s, 0, b->q, b->high);
}

static void put_iq4_levels(const int8_t *level, uint8_t *q) {   // 32 levels
    for (int i = 0; i < 32; i++) {
        int code = 0;
        while (apus_iq4_values[code] != level[i]) code++;
        put_bits(&q[i % 16], i / 16 * 4, code);
    }
}

static void put_iq4_nl(const searched_block *s, block_iq4_nl *b) {
    *b = (block_iq4_nl){.d = half_of_float(s->d)};
    put_iq4_levels(s->level, b->q);
}

static void put_iq4_xs(const searched_block *s, block_iq4_xs *b) {
    *b = (block_iq4_xs){.d = half_of_float(s->d)};
    for (int j = 0; j < 8; j++) {
        put_bits(&b->scales[j / 2], (j & 1) * 4, (s->scale[j] + 32) & 15);
        b->high |= (half)((s->scale[j] + 32) >> 4 << 2 * j);
        put_iq4_levels(s->level + j * 32, b->q + j * 16);
    }
}

void apus_quantize_searched(apus_format format, const float *x, const float *importance,
                            void *block) {
    static const search_format formats[] = {
        [APUS_Q4_0] = {32, 32, -8, 7, false, 1, 1, 0, true, 10, 0.1f},
        [APUS_Q4_1] = {32, 32, 0, 15, false, 1, 1, 1, true, 10, 0.2f},
        [APUS_Q5_0] = {32, 32, -16, 15, false, 1, 1, 0, true, 10, 0.1f},
        [APUS_Q5_1] = {32, 32, 0, 31, false, 1, 1, 1, true, 10, 0.2f},
        [APUS_Q2_K] = {256, 16, 0, 3, false, 0, 15, 15, false, 15, 0.1f},
        [APUS_Q3_K] = {256, 16, -4, 3, false, -32, 31, 0, true, 10, 0.1f},
        [APUS_Q4_K] = {256, 32, 0, 15, false, 0, 63, 63, false, 10, 0.2f},
        [APUS_Q5_K] = {256, 32, 0, 31, false, 0, 63, 63, false, 10, 0.2f},
        [APUS_Q6_K] = {256, 16, -32, 31, false, -128, 127, 0, true, 10, 0.1f},
        [APUS_IQ4_NL] = {32, 32, -127, 113, true, 1, 1, 0, true, 10, 2.0f},
        [APUS_IQ4_XS] = {256, 32, -127, 113, true, -32, 31, 0, true, 10, 2.0f},
    };
    const search_format *f = &formats[format];
    float plain[256];
    for (int i = 0; i < f->values; i++) plain[i] = f->table ? fabsf(x[i]) : 1;
    searched_block s;
    APUS_BEST(search_block)(f, x, importance ? importance : plain, &s);
    switch (format) {
    case APUS_Q4_0: return put_q4_0(&s, block);
    case APUS_Q4_1: return put_q4_1(&s, block);
    case APUS_Q5_0: return put_q5_0(&s, block);
    case APUS_Q5_1: return put_q5_1(&s, block);
    case APUS_Q2_K: return put_q2_k(&s, block);
    case APUS_Q3_K: return put_q3_k(&s, block);
    case APUS_Q4_K: return put_q4_k(&s, block);
    case APUS_Q5_K: return put_q5_k(&s, block);
    case APUS_Q6_K: return put_q6_k(&s, block);
    case APUS_IQ4_NL: return put_iq4_nl(&s, block);
    case APUS_IQ4_XS: return put_iq4_xs(&s, block);
    default: return;
    }
}
