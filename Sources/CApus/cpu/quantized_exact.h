// Products of f32 rows with weights that are turned into f32 on the way: for every kind of code.
#ifndef QUANTIZED_EXACT_H
#define QUANTIZED_EXACT_H

#include "capus/base.h"

/// Writes row `row` of the weights, k floats, to out.
typedef void (*exact_row)(const void *weights, int64_t row, float *out);

/// y (m, n) = x (m, k) w^T + bias, with rows of x and y x_row and y_row apart; bias (n) or NULL.
void apus_matmul_exact(int64_t m, int64_t n, int64_t k, const float *x, int64_t x_row,
                       exact_row values, const void *weights, const float *bias, float *y,
                       int64_t y_row);

#endif
