// Reductions, scans, sorting along axes of strided arrays.
#ifndef CAPUS_REDUCE_H
#define CAPUS_REDUCE_H

#include "base.h"

typedef enum apus_reduce_op : int32_t {
    APUS_SUM, APUS_MEAN, APUS_MAX, APUS_MIN, APUS_PROD,
    APUS_SUM_OF_SQUARES, APUS_SUM_OF_ABS, APUS_MAX_OF_ABS, APUS_LOGSUMEXP, APUS_ANY, APUS_ALL
} apus_reduce_op;

/// y = reduction of x over the axes in `axes` (bit i: axis i). y has x's rank, with length 1 on
/// reduced axes. f32 in blocked or wider accumulation (error does not grow with length); i32 sums
/// are exact (wrapping); bool for ANY, ALL. NaN spreads.
void apus_reduce(apus_reduce_op op, const apus_array *x, uint32_t axes, const apus_array *y);

/// Index (i32) of the largest or smallest value along an axis, the first at ties. y as in
/// apus_reduce.
void apus_arg_reduce(bool largest, const apus_array *x, int32_t axis, const apus_array *y);

/// Running sum along an axis, from the end if reverse.
void apus_cumsum(const apus_array *x, int32_t axis, bool reverse, const apus_array *y);

/// Stable sort along an axis: values (x's type) and indices (i32), both with x's shape; only the
/// first y.shape[axis] are written (top-k).
void apus_sort(const apus_array *x, int32_t axis, bool descending, const apus_array *values,
               const apus_array *indices);

/// Sample mean and variance over `axes`; the variance comes from deviations from the mean, with
/// divisor count - correction.
void apus_mean_variance(const apus_array *x, uint32_t axes, float correction,
                        const apus_array *mean, const apus_array *variance);

#endif
