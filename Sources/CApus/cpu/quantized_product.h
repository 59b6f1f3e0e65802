// Products with packed weights as their kernels see them.
#ifndef QUANTIZED_PRODUCT_H
#define QUANTIZED_PRODUCT_H

#include "block_pack.h"

// 32 values of a row of x, as int8 with a scale for each of the one or two sub-blocks.
typedef struct x_step {
    int8_t q[32];
    float scale[2];
    union {
        int32_t start[2];   // formats with an offset: -offset Σ q, where the dot product starts
        float sum[2];       // formats with minima: -scale Σ q
    };
} x_step;

// BLOCK_ROWS: of x for which rounded products unpack w once.
enum { BLOCK_ROWS = 64, EXACT_FEW = 16, FLOAT_DEPTH = 256, FLOAT_FEW = 8 };

// Plain floats go by in words of 32 bits (see quantized_plain.c): a float, two bf16, or two whole
// numbers of 16 bits. Of these each block has a word more, its scale; the largest magnitude of w is
// WHOLE_W, the sum of those of x WHOLE_X: rounded and multiplied they stay below 2^31.
typedef enum plain_form { FORM_FLOATS, FORM_PAIRS, FORM_WHOLE, FORMS } plain_form;
enum {
    WHOLE_BLOCK = 64, WHOLE_WORDS = WHOLE_BLOCK / 2 + 1, WHOLE_W = 12000, WHOLE_X = 178900,
    WHOLE_ROWS = 6   // of a group that a tile takes
};
static_assert(WHOLE_W * (int64_t)(WHOLE_X + WHOLE_BLOCK / 2 + 1) < 1ll << 31);

// A scratch slot: rows of w that are packed just before they are used.
enum { PANEL = 5 };

typedef struct quantized_product quantized_product;

/// Columns from ..< to of y, for all rows of p.
typedef void quantized_product_kernel(const quantized_product *p, int64_t from, int64_t to);

struct quantized_product {
    const block_format *f;
    quantized_product_kernel *kernel;
    int64_t m, n;                // rounded products: at most BLOCK_ROWS rows
    int64_t k;                   // values, or words for plain floats
    int64_t values;              // k before it went into words
    const x_step *x;             // (k / 32, m), or
    const float *exact;          // (m, k) rows exact_row apart, or
    const float *groups;         // x for many rows and plain floats: see apus_plain_pack
    int64_t exact_row;
    const uint8_t *w;            // (n / 16) groups of 16 packed rows of w_row bytes
    int64_t w_row;
    const uint8_t *last;         // the last group, where n is no multiple of 16
    const float *bias;           // (n) or NULL
    const float *residual;       // (m, n) rows residual_row apart, or NULL
    int64_t residual_row;
    float *y;                    // columns y_column … of (m, n), rows y_row apart
    int64_t y_row, y_column;
};

static inline const uint8_t *apus_packed_group(const quantized_product *p, int64_t group) {
    bool whole = (group + 1) * PACKED_ROWS <= p->n;
    return whole ? p->w + group * PACKED_ROWS * p->w_row : p->last;
}

/// How far reading packed weights runs ahead, in bytes: into the level-2 cache, and from there into
/// the level-1 cache, where a chunk of 256 values of 16 rows is whole when it begins. With 4 KB to
/// the level-1 cache alone Zen 4 read Q6_K from memory at 23 GB/s, now at 61 (Q8_0 34 and 46, Q4_K
/// 48 and 62, Q4_0 38 and 47; two threads, in turn).
enum { FAR_AHEAD = 24 << 10, NEAR_AHEAD = 4608 };

/// Fetches `bytes` of what comes after w. Where at most `left` bytes of w's group are left, what is
/// ahead lies `skip` bytes farther.
static inline void apus_fetch_ahead(const uint8_t *w, int64_t bytes, int64_t left, int64_t skip) {
    const uint8_t *far = w + FAR_AHEAD + (left <= FAR_AHEAD ? skip : 0);
    const uint8_t *near = w + NEAR_AHEAD + (left <= NEAR_AHEAD ? skip : 0);
    for (int64_t i = 0; i < bytes; i += 64) {
        __builtin_prefetch(far + i, 0, 2);
        __builtin_prefetch(near + i, 0, 3);
    }
}

/// Whether a format's values are plain floats, which multiply an x that is not rounded.
static inline bool apus_is_plain(const block_format *f) { return f->values == 1; }

typedef struct quantized_kernels {
    void (*values)(const uint8_t *group, int64_t k, int64_t first, int64_t count, float *out);
    quantized_product_kernel *product, *exact;
    void (*round)(const block_format *f, int64_t rows, int64_t steps, const float *x,
                  int64_t x_row, int64_t stride, x_step *out);
} quantized_kernels;

/// Those of the instruction set in use.
const quantized_kernels *apus_quantized_kernels(apus_format format);
/// For a plain format.
quantized_product_kernel *apus_plain_product(apus_format format);
void apus_plain_values(apus_format format, const uint8_t *group, int64_t k, int64_t first,
                       int64_t count, float *out);
/// How its products take x, into how many words k values then go, and a row of x as such words (not
/// for floats).
plain_form apus_plain_form(apus_format format);
int64_t apus_plain_words(plain_form form, int64_t k);
void apus_plain_row(plain_form form, int64_t k, const float *x, float *words);
/// Over how many words sums are taken, how many rows of x stand side by side; and puts a group of
/// them in its place in (k / depth, m / group, depth, group), m a multiple of the group.
int64_t apus_plain_depth(plain_form form);
int64_t apus_plain_group(void);
void apus_plain_pack(plain_form form, int64_t rows, int64_t k, const float *x, int64_t x_row,
                     int64_t group, int64_t m, float *out);

/// Packs the rows after the last whole group, like one, into out (16, row_bytes).
void apus_pack_last(const block_format *f, int64_t rows, int64_t row_bytes, const uint8_t *w,
                    uint8_t *out);

#endif
