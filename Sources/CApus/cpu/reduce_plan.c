// Plans a reduction. The cost is memory traffic, so the innermost loop follows the smallest stride,
// and work is cut into enough tasks for every thread by the shape alone: the same sums in the same
// order for any thread count.
#include "reduce_plan.h"

#include <stdlib.h>

enum { TILE = 4096, TILE_PACKED = 1024, MAX_PIECES = 32, PIECE = 1 << 15 };

static void insert_by_stride(reduce_axis *axes, int32_t *rank, reduce_axis axis) {
    int32_t at = (*rank)++;
    for (; at > 0 && llabs(axes[at - 1].x) < llabs(axis.x); at--) axes[at] = axes[at - 1];
    axes[at] = axis;
}

// Joins neighbours that one stride can walk.
static int32_t merge(reduce_axis *axes, int32_t rank) {
    int32_t last = 0;
    for (int32_t a = 1; a < rank; a++) {
        reduce_axis *outer = &axes[last], inner = axes[a];
        if (outer->x == inner.n * inner.x && outer->y == inner.n * inner.y)
            *outer = (reduce_axis){outer->n * inner.n, inner.x, inner.y};
        else axes[++last] = inner;
    }
    return last + 1;
}

static void choose_direction(reduce_plan *p) {
    reduce_axis *kept = &p->kept[p->kept_rank - 1], *reduced = &p->reduced[p->reduced_rank - 1];
    bool inner_is_reduced = llabs(reduced->x) <= llabs(kept->x) || p->outputs == 1;
    if (inner_is_reduced && reduced->n >= 16) p->by_rows = true;
    else if (!inner_is_reduced || kept->n >= 8) p->by_rows = false;
    else {   // both are short: along the longest reduced axis, whatever its stride
        p->by_rows = true;
        reduce_axis *longest = reduced;
        for (int32_t a = 0; a < p->reduced_rank; a++)
            if (p->reduced[a].n > longest->n) longest = &p->reduced[a];
        reduce_axis swap = *longest;
        *longest = *reduced;
        *reduced = swap;
    }
}

static void cut_into_tasks(reduce_plan *p, bool packed) {
    int64_t inner = p->kept[p->kept_rank - 1].n;
    int64_t width = packed ? TILE_PACKED : TILE;
    if (p->by_rows) width = (PIECE + p->count - 1) / (p->count ? p->count : 1);
    p->segment = inner < width ? inner : width;
    p->segments = p->outputs / inner * ((inner + p->segment - 1) / p->segment);
    for (int32_t a = 0; a < p->reduced_rank; a++)
        if (p->reduced[a].n > p->reduced[p->cut].n) p->cut = a;
    p->pieces = 1;
    if (p->segments >= 16) return;
    int64_t pieces = p->outputs * p->count / PIECE, longest = p->reduced[p->cut].n;
    if (pieces > MAX_PIECES) pieces = MAX_PIECES;
    if (pieces > longest) pieces = longest;
    if (pieces > 1) p->pieces = pieces;
}

reduce_plan apus_reduce_plan(const apus_array *x, uint32_t axes, const apus_array *y) {
    reduce_plan p = {.outputs = 1, .count = 1};
    for (int32_t a = 0; a < x->rank; a++) {
        reduce_axis axis = {x->shape[a], x->strides[a], y->strides[a]};
        bool reduced = axes >> a & 1;
        if (reduced) axis.y = 0, p.count *= axis.n;
        else p.outputs *= axis.n;
        if (axis.n == 1) continue;
        if (reduced) insert_by_stride(p.reduced, &p.reduced_rank, axis);
        else insert_by_stride(p.kept, &p.kept_rank, axis);
    }
    if (p.kept_rank == 0) p.kept[p.kept_rank++] = (reduce_axis){1, 0, 0};
    if (p.reduced_rank == 0) p.reduced[p.reduced_rank++] = (reduce_axis){1, 0, 0};
    if (p.outputs == 0) return p;
    p.kept_rank = merge(p.kept, p.kept_rank);
    p.reduced_rank = merge(p.reduced, p.reduced_rank);
    choose_direction(&p);
    if (x->dtype > APUS_F16) p.by_rows = true;   // integers know only runs
    cut_into_tasks(&p, p.kept[p.kept_rank - 1].x != 1);
    return p;
}
