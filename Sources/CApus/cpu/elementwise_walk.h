// Walking over strided arrays of one shape, tile by tile: elementwise operations, copies and fills
// build on it.
#ifndef ELEMENTWISE_WALK_H
#define ELEMENTWISE_WALK_H

#include "capus/base.h"

enum {
    WALK_OPERANDS = 4,
    WALK_TILE = 2048,   // elements: a few f32 buffers of them fit in the L1 cache
};

/// A loop nest over up to four arrays, the innermost axis first. Axes of length 1 are gone, axes
/// that all arrays step through alike are one. Strides are in bytes.
typedef struct walk_loops {
    int32_t operands, rank;
    int64_t shape[APUS_MAX_RANK];
    int64_t strides[WALK_OPERANDS][APUS_MAX_RANK];
    char *data[WALK_OPERANDS];
    int64_t tile_rows, tile_columns;   // extents of a tile on axes 1 and 0
} walk_loops;

/// One tile: rows along axis 1, columns along axis 0; at[k] is its first element in operand k.
typedef struct walk_tile {
    int64_t rows, columns;
    char *at[WALK_OPERANDS];
} walk_tile;

/// Works on one tile; a range of tiles that runs on one thread ends with a tile of 0 rows.
typedef void (*walk_body)(void *context, const walk_loops *loops, const walk_tile *tile);

/// Bytes of an element.
int64_t walk_element_size(apus_dtype dtype);

/// The loops for arrays of arrays[0]'s shape: axes in the order of arrays[0] in memory, with axis 1
/// the one along which a transposed operand is contiguous, and tiles of at most `tile` elements.
/// False: nothing to do.
bool walk_plan(int32_t operands, const apus_array *const *arrays, int64_t tile, walk_loops *loops);

/// Whether the call touches more memory than the last-level cache holds, so that results should go
/// around it.
bool walk_exceeds_cache(const walk_loops *loops);

/// Calls body for every tile, on all threads. Loops of fewer than `serial` elements stay on the
/// calling thread.
void walk_run(const walk_loops *loops, int64_t serial, walk_body body, void *context);

/// y = x by way of f32, for arrays of different types.
void elementwise_convert(const apus_array *x, const apus_array *y);

#endif
