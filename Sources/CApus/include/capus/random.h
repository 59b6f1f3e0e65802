// Philox4x32-10 random numbers: the same numbers on every device and for every thread count.
// Word i of a stream is lane i % 4 of
//     philox(counter = (i / 4, i / 4 >> 32, stream, stream >> 32), key = (seed, seed >> 32)).
#ifndef CAPUS_RANDOM_H
#define CAPUS_RANDOM_H

#include "base.h"

/// With u = (word >> 8) 2^-24, so that 0 <= u < 1. The floats are the same bits everywhere: they
/// are made of single additions and multiplications (cpu/random.inc, Kernels/random.cl).
typedef enum apus_distribution : int32_t {
    APUS_BITS,       // i32: the word itself
    APUS_UNIFORM,    // a + (b - a) u
    APUS_NORMAL,     // a + b z; for the words (0, 1) and (2, 3) of a counter (Box-Muller):
                     // r = sqrt(-2 log(u0 + 2^-24)), z0 = r cos(2 pi u1), z1 = r sin(2 pi u1)
    APUS_BERNOULLI   // bool: u < a
} apus_distribution;

/// Fills a contiguous array. (a, b): (low, high), (mean, deviation) or (probability, unused). Other
/// float types than f32 get the rounded f32 number.
void apus_random(apus_distribution distribution, uint64_t seed, uint64_t stream, float a, float b,
                 const apus_array *y);

#endif
