// Philox4x32-10 random numbers: the same numbers on every device and for every thread count.
// Word i of a stream is lane i % 4 of philox(counter = (i / 4, i / 4 >> 32, stream, stream >> 32), key = (seed, seed >> 32)).
#ifndef CAPUS_RANDOM_H
#define CAPUS_RANDOM_H

#include "base.h"

typedef enum apus_distribution : int32_t {
    APUS_BITS,     /* i32: the word itself */
    APUS_UNIFORM,  /* low + (high - low) · (word >> 8) · 2^-24 */
    APUS_NORMAL,   /* mean + deviation · z; Box-Muller on the lanes (0, 1) and (2, 3): r = sqrt(-2 log((word >> 8) + 1) 2^-24), angle = 2 pi (other >> 8) 2^-24;
                      z even = r cos(angle), z odd = r sin(angle) */
    APUS_BERNOULLI /* bool: uniform < a */
} apus_distribution;

/// Fills a contiguous array. a, b: (low, high), (mean, deviation) or (probability, unused).
void apus_random(apus_distribution distribution, uint64_t seed, uint64_t stream, float a, float b, const apus_array *y);

#endif
