// GGUF block formats and int8 rows: quantise, dequantise, multiply.
#ifndef CAPUS_QUANTIZED_H
#define CAPUS_QUANTIZED_H

#include "base.h"
#include "matmul.h"

/// Values are GGUF's type ids. The first three are plain floats, "blocks" of one value.
typedef enum apus_format : int32_t {
    APUS_PLAIN_F32 = 0, APUS_PLAIN_F16 = 1, APUS_PLAIN_BF16 = 30,
    APUS_Q4_0 = 2, APUS_Q4_1 = 3, APUS_Q5_0 = 6, APUS_Q5_1 = 7, APUS_Q8_0 = 8,
    APUS_Q2_K = 10, APUS_Q3_K = 11, APUS_Q4_K = 12, APUS_Q5_K = 13, APUS_Q6_K = 14,
    APUS_IQ4_NL = 20, APUS_IQ4_XS = 23
} apus_format;

/// Values and bytes in a block; 0 for an unknown format.
int64_t apus_block_values(apus_format format);
int64_t apus_block_bytes(apus_format format);

/// rows × columns of f32 to blocks as in a GGUF file; columns is a multiple of the block.
/// importance (columns) weighs the errors of all but Q8_0 and plain types, or NULL.
void apus_quantize(apus_format format, int64_t rows, int64_t columns, const float *x,
                   const float *importance, void *blocks);

/// Blocks to the order in which the functions below read them, of as many bytes, and back; either
/// may be done in place. Sixteen rows at a time are interleaved: a part of the rows that begins and
/// ends at multiples of 16, or ends with the last row, may be packed on its own.
void apus_pack_blocks(apus_format format, int64_t rows, int64_t columns, const void *blocks,
                      void *packed);
void apus_unpack_blocks(apus_format format, int64_t rows, int64_t columns, const void *packed,
                        void *blocks);

/// A matrix in blocks: its first rows packed, the others where a file's mapping has them. Those are
/// packed in the cache when they are needed, which changes no bits of any result.
typedef struct apus_blocks {
    const void *packed;
    const void *stored;       // the first row as in a file, or NULL: all are packed
    int64_t packed_rows;      // a multiple of 16, where stored is not NULL
} apus_blocks;

/// Blocks to rows × columns of f32.
void apus_dequantize(apus_format format, int64_t rows, int64_t columns, apus_blocks blocks,
                     float *x);

/// Rows index[0], index[1] … of blocks: x (count, columns).
void apus_dequantize_rows(apus_format format, int64_t rows, int64_t columns, apus_blocks blocks,
                          int64_t count, const int32_t *index, float *x);

/// y = x w^T + bias + residual, one of several products with the same x.
typedef struct apus_product {
    apus_format format;
    int64_t n;
    apus_blocks w;            // (n, k)
    const float *bias;        // (n) or NULL
    const float *residual;    // (m, n), rows residual_row apart, or NULL; may be y
    int64_t residual_row;
    float *y;                 // (m, n), rows y_row apart
    int64_t y_row;
} apus_product;

/// Products of x (m, k), rows x_row apart, with up to 8 weights. x is rounded as below; with
/// AVX-512 for plain bf16 to bf16, for plain f16 as the weights themselves to whole numbers of 16
/// bits with a scale for 64 values; else and for f32 it stays as it is. With a gate, products come
/// in pairs of one n, both of plain floats or neither: the first y becomes the gate of the first
/// times the second, and the second's y is not used. The bits of a row of y do not depend on the
/// other rows.
void apus_products(int64_t m, int64_t k, const float *x, int64_t x_row, int32_t count,
                   const apus_product *products, apus_activation gate);

/// y (m, n) = x (m, k) w^T + bias, w (n, k) in packed blocks, bias (n) or NULL. x is rounded to
/// int8, with a scale for every 16 or 32 values (as many as share a scale in the format), or as
/// above for plain floats; `exact` keeps x in f32. Rows of x and y are x_row and y_row apart.
/// Without `exact`, the bits of a row of y do not depend on the other rows.
void apus_matmul_quantized(apus_format format, int64_t m, int64_t n, int64_t k, const float *x,
                           int64_t x_row, const void *w, const float *bias, bool exact, float *y,
                           int64_t y_row);

/// Symmetric per row: scale = max|x| / 127 (1 for a zero row), q = clamp(round(x / scale), -127,
/// 127), rounding half to even, in f32.
void apus_quantize_int8_rows(int64_t rows, int64_t columns, const float *x, int8_t *q,
                             float *scale);

/// Asymmetric groups of `group` along rows, codes 0 … 15, two a byte (low nibble first); scale,
/// zero (rows, columns / group); group is even. scale = (max - min) / 15, or 1 where that is 0.
///     zero_point    min and max include 0; zero = round(-min / scale); value = (code - zero) scale
///     otherwise     zero = min; value = code scale + zero
void apus_quantize_int4_groups(int64_t rows, int64_t columns, int64_t group, bool zero_point,
                               const float *x, uint8_t *packed, float *scale, float *zero);
void apus_dequantize_int4_groups(int64_t rows, int64_t columns, int64_t group, bool zero_point,
                                 const uint8_t *packed, const float *scale, const float *zero,
                                 float *x);

/// y (m, n) = x (m, k) w^T, w (n, k) in groups, x in f32.
void apus_matmul_int4_groups(int64_t m, int64_t n, int64_t k, int64_t group, bool zero_point,
                             const float *x, const uint8_t *packed, const float *scale,
                             const float *zero, float *y);

#endif
