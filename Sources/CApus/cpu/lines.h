// Walking the lines of a strided array along one axis.
#ifndef LINES_H
#define LINES_H

#include "capus/base.h"

/// The product of all lengths but the axis's.
static inline int64_t line_count(const apus_array *x, int32_t axis) {
    int64_t count = 1;
    for (int32_t a = 0; a < x->rank; a++)
        if (a != axis) count *= x->shape[a];
    return count;
}

/// Where line `line` starts in `x`, counting lines in row-major order of `shape` without the axis.
static inline int64_t line_offset(const apus_array *x, const int64_t *shape, int32_t axis,
                                  int64_t line) {
    int64_t offset = 0;
    for (int32_t a = x->rank - 1; a >= 0; a--) {
        if (a == axis) continue;
        offset += line % shape[a] * x->strides[a];
        line /= shape[a];
    }
    return offset;
}

/// The last axis that is not `axis`, -1 if there is none: lines that follow each other step along
/// it.
static inline int32_t line_axis(const apus_array *x, int32_t axis) {
    int32_t last = x->rank - 1;
    return last == axis ? last - 1 : last;
}

#endif
