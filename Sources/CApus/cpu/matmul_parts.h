// What the files of the matrix products share (see matmul.c).
#ifndef MATMUL_PARTS_H
#define MATMUL_PARTS_H

#include "gemm_tile.h"

// Which way a product takes and the measurement behind it: two cores of Zen 5, AVX-512, GFLOP/s
// unless said otherwise; b (4096, 4096) where the rows are few.
//
//   few rows, b read in place, up to 16 rows   16 rows: f32 225 (tiles 207), bf16 520 (490), int8
//                                              980 (850); 24 rows: f32 217 (tiles 314).
//                                              b not transposed, 16 rows: f32 231 (138)
//   a not packed, up to 1024 columns           256³ bf16 983 (packed 917), 96 times 64³ f32 393
//                                              (336), 48 times 256 × 256 × 64 bf16 969 (896)
//   larger operand packed by each task         logits f32 473 (without
//   while the micro-kernels fetch the next     fetching 442), 128 rows 444 (396)
//   larger operand packed for all where its    256³ f32 506 (by tasks 469), 512³ 524 (476),
//   lines are columns of memory                1024 × 768 × 3072 487 (452)
//   panels: a quarter of the level-2 cache     half of it: 2048³ f32 473 (a quarter: 486)
//   pieces of k of up to 1024 units            512 or 256: the same within 2 %
//   one thread alone, up to 2^17               48³: f32 149 (shared 171), bf16 254 (219); 64³:
//   multiply-adds                              f32 232 (304), bf16 456 (455); 32³:
//                                              f32 160 (99), bf16 252 (115)
//   one thread an entry, from 8 entries a      96 times 64³ f32 393 (1.7 times PyTorch at 325)
//   thread on
//   OpenBLAS                                   never: its kernels for Haswell lead ours for AVX2 by
//                                              up to 4 %, behind by up to 2 % on the GPT-2 forwards
enum {
    FEW_ROWS = 16,
    COLUMNS_IN_PLACE = 1024,
    ALONE = 1 << 17,            // multiply-adds that are too few to share
    BATCH_PER_THREAD = 8,       // entries
    PIECE_UNITS = 1024,
    PANELS_OF_L2 = 4,           // packed panels take 1 / 4 of the level-2 cache
};

/// Rows and columns of a tile; elements of k in a unit.
typedef struct gemm_shape { int64_t rows, columns, per_bf16, per_int8; } gemm_shape;

/// A call, or an int8 product with the scales of its rows and columns.
typedef struct gemm_product {
    apus_matmul call;
    const float *row_scale, *column_scale;   // (m), (n); int8 only
} gemm_product;

/// One operand: its lines are rows of a or columns of b; `units` is k in 4-byte units (see
/// gemm_tile.inc).
typedef struct gemm_operand {
    const char *data;
    apus_dtype type;
    int64_t lines, line_stride, k, k_stride;
    int64_t width, units;
    int64_t from, held; // the first and the number of the units that are packed
    uint32_t *panels;   // (lines / width rounded up, held, width)
    int32_t *sums;      // int8: see gemm_column_sums, for b's panels; else NULL
} gemm_operand;

/// Memory that is read soon, rows of some bytes, `row` bytes apart: the micro-kernels fetch it with
/// every unit of k, `step` bytes further each time, so that the fetches do not queue up.
typedef struct gemm_ahead {
    const char *at, *end;   // in the present row
    int64_t step;
    int64_t rows;           // after this one
    int64_t row, bytes;
} gemm_ahead;

/// A block of c: all lines of its operands, `depth` units of k from `start` on.
typedef struct gemm_block {
    apus_dtype type;
    gemm_operand a, b;
    int64_t start, depth;
    bool first, last;       // the operands hold the first, the last part of k
    bool a_outside;         // for each panel of a all panels of b; or the other way
    bool in_place;          // a is not packed: its units are read from its rows
    bool keep;              // every tile's sums have their own place, until k is done
    bool plain;             // the sums are c, in f32 or bf16
    char *c;                // at line 0 of a and of b
    int64_t c_row;
    const float *bias;      // as c
    const char *residual;   // as c
    const float *row_scale, *column_scale;   // as c; int8 only
    gemm_epilogue epilogue;
    gemm_ahead ahead;       // fetched while the last tiles are computed; or at is NULL
    int64_t ahead_tiles;    // how many these are
} gemm_block;

/// Sizes of the blocks that one job takes: lines of a and b, elements of k; and the units of k that
/// are added to one tile after another.
typedef struct gemm_blocking { int64_t m, n, k, depth; } gemm_blocking;

/// One product, or one entry of a batch, by tiles; alone: on this thread.
void apus_matmul_tiled(const gemm_product *product, int64_t entry, bool alone);

/// Every entry of a batch by tiles, each on one thread.
void apus_matmul_tiled_batch(const gemm_product *product);

/// One product of few rows, whose columns of b are contiguous.
void apus_matmul_skinny(const gemm_product *product, int64_t entry);

/// The part of a product from row i, column j and element k of the sums on, of the given size.
gemm_block apus_matmul_part(const gemm_product *product, int64_t entry, int64_t i, int64_t j,
                            int64_t k, gemm_blocking size, gemm_shape shape);

/// The rows i ..< i_end and columns j ..< j_end of a block.
gemm_block apus_matmul_part_of(const gemm_block *whole, int64_t i, int64_t i_end, int64_t j,
                               int64_t j_end);

static inline int64_t gemm_bytes(apus_dtype type) {
    return type == APUS_F32 ? 4 : type == APUS_I8 ? 1 : 2;
}
static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t parts(int64_t whole, int64_t part) { return (whole + part - 1) / part; }
static inline int64_t gemm_per_unit(apus_dtype type, gemm_shape shape) {
    return type == APUS_BF16 ? shape.per_bf16 : type == APUS_I8 ? shape.per_int8 : 1;
}

#endif
