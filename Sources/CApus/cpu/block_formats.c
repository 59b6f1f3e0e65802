// The block formats' sizes, and the values they stand for: plain loops that say what each bit
// means.
#include "block_formats.h"

const int8_t apus_iq4_values[16] = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

const block_format *apus_block_format(apus_format format) {
    static const block_format formats[] = {
        [APUS_PLAIN_F32] = {.values = 1, .bytes = 4},
        [APUS_PLAIN_F16] = {.values = 1, .bytes = 2},
        [APUS_PLAIN_BF16] = {.values = 1, .bytes = 2},
        [APUS_Q4_0] = {32, 18, 32, 8, false},     [APUS_Q4_1] = {32, 20, 32, 0, true},
        [APUS_Q5_0] = {32, 22, 32, 16, false},    [APUS_Q5_1] = {32, 24, 32, 0, true},
        [APUS_Q8_0] = {32, 34, 32, 128, false},   [APUS_IQ4_NL] = {32, 18, 32, 128, false},
        [APUS_Q2_K] = {256, 84, 16, 0, true},     [APUS_Q3_K] = {256, 110, 16, 4, false},
        [APUS_Q4_K] = {256, 144, 32, 0, true},    [APUS_Q5_K] = {256, 176, 32, 0, true},
        [APUS_Q6_K] = {256, 210, 16, 32, false},  [APUS_IQ4_XS] = {256, 136, 32, 128, false},
    };
    int32_t count = sizeof formats / sizeof *formats;
    return format >= 0 && format < count && formats[format].values ? &formats[format] : NULL;
}

int64_t apus_block_values(apus_format format) {
    const block_format *f = apus_block_format(format);
    return f ? f->values : 0;
}

int64_t apus_block_bytes(apus_format format) {
    const block_format *f = apus_block_format(format);
    return f ? f->bytes : 0;
}

/// Value j of a block of 32 values of 4 bits.
static int nibble(const uint8_t *q, int j) { return j < 16 ? q[j] & 15 : q[j - 16] >> 4; }

/// Bit j of a block's bytes.
static int high_bit(const uint8_t *high, int j) { return high[j >> 3] >> (j & 7) & 1; }

static void q4_0(const block_q4_0 *b, float *x) {
    for (int j = 0; j < 32; j++) x[j] = float_of_half(b->d) * (float)(nibble(b->q, j) - 8);
}

static void q4_1(const block_q4_1 *b, float *x) {
    for (int j = 0; j < 32; j++)
        x[j] = float_of_half(b->d) * (float)nibble(b->q, j) + float_of_half(b->m);
}

static void q5_0(const block_q5_0 *b, float *x) {
    for (int j = 0; j < 32; j++) {
        int code = nibble(b->q, j) | high_bit(b->high, j) << 4;
        x[j] = float_of_half(b->d) * (float)(code - 16);
    }
}

static void q5_1(const block_q5_1 *b, float *x) {
    for (int j = 0; j < 32; j++) {
        int code = nibble(b->q, j) | high_bit(b->high, j) << 4;
        x[j] = float_of_half(b->d) * (float)code + float_of_half(b->m);
    }
}

static void q8_0(const block_q8_0 *b, float *x) {
    for (int j = 0; j < 32; j++) x[j] = float_of_half(b->d) * (float)b->q[j];
}

static void iq4_nl(const block_iq4_nl *b, float *x) {
    for (int j = 0; j < 32; j++)
        x[j] = float_of_half(b->d) * (float)apus_iq4_values[nibble(b->q, j)];
}

// Q2_K, Q3_K: byte l of each half of q (32 bytes) holds values l, l + 32, l + 64, l + 96 of its
// 128.
static void q2_k(const block_q2_k *b, float *x) {
    float d = float_of_half(b->d), dmin = float_of_half(b->dmin);
    for (int i = 0; i < 256; i++) {
        int code = b->q[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3, s = b->scales[i / 16];
        x[i] = d * (float)(s & 15) * (float)code - dmin * (float)(s >> 4);
    }
}

static void q3_k(const block_q3_k *b, float *x) {
    float d = float_of_half(b->d);
    for (int i = 0; i < 256; i++) {
        int low = b->q[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
        int high = b->high[i % 32] >> i / 32 & 1;
        x[i] = d * (float)q3_k_scale(b->scales, i / 16) * (float)((low | high << 2) - 4);
    }
}

// Q4_K, Q5_K: byte l of each quarter of q (32 bytes) holds values l and l + 32 of its 64.
static void q4_k(const block_q4_k *b, float *x) {
    float d = float_of_half(b->d), dmin = float_of_half(b->dmin);
    for (int i = 0; i < 256; i++) {
        int scale, minimum, code = b->q[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
        q4_k_scale(b->scales, i / 32, &scale, &minimum);
        x[i] = d * (float)scale * (float)code - dmin * (float)minimum;
    }
}

static void q5_k(const block_q5_k *b, float *x) {
    float d = float_of_half(b->d), dmin = float_of_half(b->dmin);
    for (int i = 0; i < 256; i++) {
        int scale, minimum, low = b->q[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
        int high = b->high[i % 32] >> i / 32 & 1;
        q4_k_scale(b->scales, i / 32, &scale, &minimum);
        x[i] = d * (float)scale * (float)(low | high << 4) - dmin * (float)minimum;
    }
}

// Q6_K: byte l of each half of q (64 bytes) holds the low nibbles of values l and l + 64 of its
// 128; byte l of each half of high (32 bytes) the two high bits of values l, l + 32, l + 64, l +
// 96.
static void q6_k(const block_q6_k *b, float *x) {
    for (int i = 0; i < 256; i++) {
        int low = b->q[i / 128 * 64 + i % 64] >> i % 128 / 64 * 4 & 15;
        int high = b->high[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
        x[i] = float_of_half(b->d) * (float)b->scales[i / 16] * (float)((low | high << 4) - 32);
    }
}

static void iq4_xs(const block_iq4_xs *b, float *x) {
    for (int i = 0; i < 256; i++) {
        int level = apus_iq4_values[nibble(b->q + i / 32 * 16, i % 32)];
        x[i] = float_of_half(b->d) * (float)iq4_xs_scale(b, i / 32) * (float)level;
    }
}

void apus_dequantize_block(apus_format format, const void *block, float *x) {
    switch (format) {
    case APUS_PLAIN_F32: memcpy(x, block, 4); return;
    case APUS_PLAIN_F16: *x = float_of_half(*(const half *)block); return;
    case APUS_PLAIN_BF16: *x = float_of_bits((uint32_t)*(const uint16_t *)block << 16); return;
    case APUS_Q4_0: return q4_0(block, x);
    case APUS_Q4_1: return q4_1(block, x);
    case APUS_Q5_0: return q5_0(block, x);
    case APUS_Q5_1: return q5_1(block, x);
    case APUS_Q8_0: return q8_0(block, x);
    case APUS_Q2_K: return q2_k(block, x);
    case APUS_Q3_K: return q3_k(block, x);
    case APUS_Q4_K: return q4_k(block, x);
    case APUS_Q5_K: return q5_k(block, x);
    case APUS_Q6_K: return q6_k(block, x);
    case APUS_IQ4_NL: return iq4_nl(block, x);
    case APUS_IQ4_XS: return iq4_xs(block, x);
    }
}
