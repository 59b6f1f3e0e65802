// What the CPU can do at most, measured: the roofs over the kernels. All threads of the pool work.
#ifndef CAPUS_PEAK_H
#define CAPUS_PEAK_H

#include "base.h"

/// Operations a second (a multiply-add is two) of the fastest instruction for products of this
/// type (APUS_F32, APUS_BF16 or APUS_I8), on registers alone: the best during `seconds`.
double apus_peak_operations(apus_dtype type, double seconds);

/// What is done to memory: read an array, fill one, b = a, or c = a + s b.
typedef enum apus_traffic : int32_t {
    APUS_TRAFFIC_READ, APUS_TRAFFIC_WRITE, APUS_TRAFFIC_COPY, APUS_TRAFFIC_TRIAD
} apus_traffic;

/// Bytes a second, reads and writes counted, when each thread goes over a working set of `bytes`
/// (all its arrays together); `streaming` stores go around the caches. 0 without memory for it.
double apus_peak_bandwidth(apus_traffic traffic, int64_t bytes, bool streaming, double seconds);

/// Seconds from asking the pool for a job of one empty task a thread until it is done.
double apus_peak_launch(void);

#endif
