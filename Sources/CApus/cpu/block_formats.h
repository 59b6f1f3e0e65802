// GGUF's block formats: their layout in memory, and the definition of the values they stand for.
#ifndef BLOCK_FORMATS_H
#define BLOCK_FORMATS_H

#include <string.h>

#include "capus/quantized.h"

/// IEEE half as stored.
typedef uint16_t half;

// Blocks of 32 values. Byte j of `q` holds value j in its low and value j + 16 in its high nibble.
typedef struct { half d; uint8_t q[16]; } block_q4_0;                       // d (q - 8)
typedef struct { half d, m; uint8_t q[16]; } block_q4_1;                    // d q + m
typedef struct { half d; uint8_t high[4]; uint8_t q[16]; } block_q5_0;      // d (q - 16)
typedef struct { half d, m; uint8_t high[4]; uint8_t q[16]; } block_q5_1;   // d q + m
typedef struct { half d; int8_t q[32]; } block_q8_0;                        // d q
typedef struct { half d; uint8_t q[16]; } block_iq4_nl;                     // d apus_iq4_values[q]

// Blocks of 256 values, whose sub-blocks of 16 or 32 values have integer scales s and minima m.
typedef struct { uint8_t scales[16], q[64]; half d, dmin; } block_q2_k;     // d s q - dmin m
typedef struct { uint8_t high[32], q[64], scales[12]; half d; } block_q3_k; // d s (q - 4)
typedef struct { half d, dmin; uint8_t scales[12], q[128]; } block_q4_k;    // d s q - dmin m
typedef struct {
    half d, dmin;
    uint8_t scales[12], high[32], q[128];
} block_q5_k;                                                               // d s q - dmin m
typedef struct {
    uint8_t q[128], high[64];
    int8_t scales[16];
    half d;
} block_q6_k;                                                               // d s (q - 32)
typedef struct { half d, high; uint8_t scales[4], q[128]; } block_iq4_xs; // d s apus_iq4_values[q]

static_assert(sizeof(block_q4_0) == 18 && sizeof(block_q4_1) == 20, "32 values of 4 bits");
static_assert(sizeof(block_q5_0) == 22 && sizeof(block_q5_1) == 24, "32 values of 5 bits");
static_assert(sizeof(block_q8_0) == 34 && sizeof(block_iq4_nl) == 18, "32 values of 8 and 4 bits");
static_assert(sizeof(block_q2_k) == 84 && sizeof(block_q3_k) == 110, "256 values of 2 and 3 bits");
static_assert(sizeof(block_q4_k) == 144 && sizeof(block_q5_k) == 176, "256 values of 4 and 5 bits");
static_assert(sizeof(block_q6_k) == 210 && sizeof(block_iq4_xs) == 136, "256 values of 6, 4 bits");

/// The sixteen levels of IQ4_NL and IQ4_XS, dense near zero.
extern const int8_t apus_iq4_values[16];

/// What a format's values have in common: value = scale (code - offset) - minimum, where codes are
/// unsigned (IQ4 and Q8_0: shifted by 128), and one scale and minimum serve `sub` values.
typedef struct block_format {
    int32_t values, bytes;   // of a block
    int32_t sub;
    int32_t offset;
    bool minima;
} block_format;

/// NULL for an unknown format.
const block_format *apus_block_format(apus_format format);

/// The definition: the values of one block. The kernels must agree with it.
void apus_dequantize_block(apus_format format, const void *block, float *x);

/// One block to the nearest that a search of scales finds, in the mean square weighed by
/// `importance` (of each value), or NULL. Not for Q8_0 and plain types.
void apus_quantize_searched(apus_format format, const float *x, const float *importance,
                            void *block);

/// The scale and minimum of sub-block j in the 12 bytes of Q4_K and Q5_K, 6 bits each.
static inline void q4_k_scale(const uint8_t *scales, int j, int *scale, int *minimum) {
    if (j < 4) {
        *scale = scales[j] & 63;
        *minimum = scales[j + 4] & 63;
    } else {
        *scale = (scales[j + 4] & 15) | scales[j - 4] >> 6 << 4;
        *minimum = scales[j + 4] >> 4 | scales[j] >> 6 << 4;
    }
}

/// The scale of sub-block j in the 12 bytes of Q3_K: 4 low bits in the first 8, 2 high in the last
/// 4.
static inline int q3_k_scale(const uint8_t *scales, int j) {
    int low = scales[j & 7] >> (j >> 3) * 4 & 15;
    int high = scales[8 + (j & 3)] >> (j >> 2) * 2 & 3;
    return (low | high << 4) - 32;
}

static inline int iq4_xs_scale(const block_iq4_xs *b, int j) {
    int low = b->scales[j / 2] >> (j & 1) * 4 & 15, high = b->high >> 2 * j & 3;
    return (low | high << 4) - 32;
}

static inline float float_of_bits(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
static inline uint32_t bits_of_float(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }

static inline float float_of_half(half h) {
    // Shift exponent and mantissa into place and rescale by 2^112, which normalises subnormals too.
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    if ((h & 0x7c00) == 0x7c00) return float_of_bits(magnitude | 0x7f800000 | sign);
    return float_of_bits(bits_of_float(float_of_bits(magnitude) * 0x1p112f) | sign);
}

/// To nearest, ties to even; overflows to infinity.
static inline half half_of_float(float f) {
    uint32_t u = bits_of_float(f), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000) return (half)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) return (half)(sign | 0x7c00);
    if (magnitude < 0x38800000)   // a sum with 0.5 leaves the rounded subnormal in the low bits
        return (half)(sign | (bits_of_float(float_of_bits(magnitude) + 0.5f) - 0x3f000000));
    return (half)(sign | (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13);
}

#endif
