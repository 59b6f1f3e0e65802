// Products with packed weights that are plain floats: f32, and f16 and bf16 that stay 16 bits long.
//
// Products take k word by word: a word is an f32, or, with AVX-512, two neighbouring values of 16
// bits, which one instruction multiplies with two of x and adds to a sum:
//   bf16: x is rounded to bf16, sums are f32.
//   f16 (quantized_whole.inc): both are rounded to whole numbers of 16 bits, with a scale for every
//   64 values along k: w so that the largest magnitude is 12000, x so that the magnitudes' sum is
//   178900. Sums are then exact in 32 bits; a multiplication and a multiply-add in f32 follow
//   64 values. A product's error is 1e-4 of the root of the sum of squares (x rounded to f16: 2e-4;
//   both to bf16: 1.7e-3). What is kept of w is f16: it is rounded in the cache.
// Other floats are turned into f32, and x stays as it is.
//
// An element of y is a sum over 256 words at a time (64 values of f16), in order, and the sum of
// those: the same for one row and for many, so a row's bits do not depend on the others.
// Up to 8 rows read w as it is, a lane a column, at the speed of memory. For more, 12 rows of x (6
// without AVX-512) stand side by side, 256 words at a time (f16: 256 values); two vectors of
// columns of w are turned into words that stay in the level-1 cache, and all rows pass by, from the
// level-2 cache. 512 rows reach 90 to 95 % of the peaks of f32 and bf16, and with f16 85 % of the
// latter, 1.8 times f32. One row reads bf16 and f16 as fast as memory is read, in one stream (two:
// 97 %, four: 90 %).
#include "capus/threads.h"
#include "quantized_product.h"

enum { WIDENED = 2 };   // a scratch slot

int64_t apus_plain_depth(plain_form form) {
    return form == FORM_WHOLE ? 4 * WHOLE_WORDS : FLOAT_DEPTH;
}

#define APUS_KERNELS "quantized_plain.inc"
#include "every_isa.h"

quantized_product_kernel *apus_plain_product(apus_format format) {
    if (format == APUS_PLAIN_F32) return APUS_BEST(product_f32);
    return format == APUS_PLAIN_F16 ? APUS_BEST(product_f16) : APUS_BEST(product_bf16);
}

void apus_pack_plain(int32_t bytes, int64_t k, int64_t row_bytes, const uint8_t *rows,
                     uint8_t *packed) {
    APUS_BEST(pack_plain)(bytes, k, row_bytes, rows, packed);
}

plain_form apus_plain_form(apus_format format) { return APUS_BEST(plain_form)(format); }

int64_t apus_plain_words(plain_form form, int64_t k) {
    if (form == FORM_FLOATS) return k;
    return form == FORM_PAIRS ? (k + 1) / 2 : (k + WHOLE_BLOCK - 1) / WHOLE_BLOCK * WHOLE_WORDS;
}

void apus_plain_row(plain_form form, int64_t k, const float *x, float *words) {
    APUS_BEST(plain_row)(form, k, x, words);
}

int64_t apus_plain_group(void) { return APUS_BEST(plain_group)(); }

void apus_plain_pack(plain_form form, int64_t rows, int64_t k, const float *x, int64_t x_row,
                     int64_t group, int64_t m, float *out) {
    APUS_BEST(plain_pack)(apus_plain_depth(form), rows, k, x, x_row, group, m, out);
}

void apus_plain_values(apus_format format, const uint8_t *group, int64_t k, int64_t first,
                       int64_t count, float *out) {
    APUS_BEST(plain_values)(format, group, k, first, count, out);
}
