// Products with packed weights that are plain floats: f32, and f16 and bf16 that stay 16 bits long.
//
// Products take k word by word: a word is an f32, or, for bf16 weights with AVX-512, two
// neighbouring values, which one instruction multiplies with two of x, rounded to bf16 for it, and
// adds to a sum in f32. Otherwise weights of 16 bits are turned into f32 and x stays as it is: f16
// weights in bf16 would be twice as fast, but move logits further than golden data allow.
//
// An element of y is a sum over 256 words at a time, one chain of multiply-adds in order, and the
// sum of those: the same for one row and for many, so a row's bits do not depend on the others.
// Up to 8 rows read w as it is, a lane a column, at the speed of memory. For more, 12 rows of x (6
// without AVX-512) stand side by side, 256 words at a time; two vectors of columns of w are turned
// into words that stay in the level-1 cache, and all rows pass by, from the level-2 cache.
// 512 rows reach 1000 GFLOP/s in pairs and 500 in f32, 95 % of the peaks. One row reads 77 GB/s of
// bf16 where plain reading takes 78: one stream of memory (two: 75, four: 69).
#include "capus/threads.h"
#include "quantized_product.h"

enum { WIDENED = 2 };   // a scratch slot

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

bool apus_plain_pairs(apus_format format) { return APUS_BEST(takes_pairs)(format); }

void apus_plain_pair_row(int64_t k, const float *x, float *words) {
    APUS_BEST(pair_row)(k, x, words);
}

int64_t apus_plain_group(void) { return APUS_BEST(plain_group)(); }

void apus_plain_pack(int64_t rows, int64_t k, const float *x, int64_t x_row, int64_t group,
                     int64_t m, float *out) {
    APUS_BEST(plain_pack)(rows, k, x, x_row, group, m, out);
}

void apus_plain_values(apus_format format, const uint8_t *group, int64_t k, int64_t first,
                       int64_t count, float *out) {
    APUS_BEST(plain_values)(format, group, k, first, count, out);
}
