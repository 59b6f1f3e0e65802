// Picking by index, and its gradient. Indices are i32, in range (checked by apus_index_range above
// the kernels).
#ifndef CAPUS_INDEX_H
#define CAPUS_INDEX_H

#include "base.h"

/// y[o, i, :] = x[o, index[i], :] for contiguous x (outer, n, inner), y (outer, count, inner) of
/// the same dtype.
void apus_index_select(apus_dtype dtype, int64_t outer, int64_t n, int64_t count, int64_t inner,
                       const void *x, const int32_t *index, void *y);

/// x[o, index[i], :] += src[o, i, :], in the order of i. f32.
void apus_index_add(int64_t outer, int64_t n, int64_t count, int64_t inner, float *x,
                    const int32_t *index, const float *src);

/// y[.., i, ..] = x[.., index[.., i, ..], ..] along axis; index and y have the same shape, x's
/// other axes are at least as long.
void apus_gather(const apus_array *x, const apus_array *index, int32_t axis, const apus_array *y);

/// x[.., index[.., i, ..], ..] += src[.., i, ..] along axis, in the order of i. f32.
void apus_scatter_add(const apus_array *x, const apus_array *index, const apus_array *src,
                      int32_t axis);

/// Smallest and largest index, to check a range at once.
void apus_index_range(const apus_array *index, int32_t *smallest, int32_t *largest);

#endif
