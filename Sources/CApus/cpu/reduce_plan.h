// How a reduction of a strided array is walked: axes sorted by stride, neighbours merged, and the
// way the inner loops run. Shared by reduce.c (which executes it) and reduce_plan.c (which makes
// it).
#ifndef REDUCE_PLAN_H
#define REDUCE_PLAN_H

#include "capus/base.h"

typedef struct { int64_t n, x, y; } reduce_axis;   // length, strides in x and in y

typedef struct {
    // the last is the innermost; never empty
    reduce_axis kept[APUS_MAX_RANK], reduced[APUS_MAX_RANK];
    int32_t kept_rank, reduced_rank;
    int64_t outputs, count;   // products of the kept and of the reduced lengths
    // vectors run along the last reduced axis, else along the last kept one
    bool by_rows;
    int64_t segment;          // so many outputs of the last kept axis are done together
    int64_t segments;         // of all the outputs
    // the reduced axis `cut` is cut in so many pieces, with partial results
    int64_t pieces;
    int32_t cut;
} reduce_plan;

reduce_plan apus_reduce_plan(const apus_array *x, uint32_t axes, const apus_array *y);

/// Offset of entry `index` of the leading `rank` axes, in x's strides.
static inline int64_t axes_offset(const reduce_axis *axes, int32_t rank, int64_t index, bool in_y) {
    int64_t offset = 0;
    for (int32_t a = rank - 1; a >= 0; a--) {
        offset += index % axes[a].n * (in_y ? axes[a].y : axes[a].x);
        index /= axes[a].n;
    }
    return offset;
}

#endif
