// The few things every C test needs: a check that counts and names failures, comparison in double,
// random data.
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capus.h"

extern int checks_passed, checks_failed;

#define CHECK(condition, ...)                                              \
    do {                                                                   \
        if (condition) checks_passed++;                                    \
        else {                                                             \
            checks_failed++;                                               \
            printf("%s:%d: failed: %s: ", __FILE__, __LINE__, #condition); \
            printf(__VA_ARGS__);                                           \
            printf("\n");                                                  \
        }                                                                  \
    } while (0)

/// Uniform in -1 ... 1, the same sequence on every run.
float random_float(void);
void fill_random(float *x, int64_t n);

/// Whether |actual - expected| <= atol + rtol |expected| everywhere; NaN never passes. Prints the
/// first element where it is not so.
bool all_close(const float *actual, const double *expected, int64_t n, double rtol, double atol);

#endif
