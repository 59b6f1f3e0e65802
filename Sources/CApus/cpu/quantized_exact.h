// Products of f32 rows with weights that are turned into f32 on the way: for every kind of code.
#ifndef QUANTIZED_EXACT_H
#define QUANTIZED_EXACT_H

#include "capus/base.h"

enum { EXACT_ROWS = 16 };

/// Writes `count` rows of the weights from `row` on, within one 16 of them, to out (count, k).
typedef void (*exact_rows)(const void *weights, int64_t row, int64_t count, float *out);

/// y (m, n) = x (m, k) w^T + bias, with rows of x and y x_row and y_row apart; bias (n) or NULL.
void apus_matmul_exact(int64_t m, int64_t n, int64_t k, const float *x, int64_t x_row,
                       exact_rows values, const void *weights, const float *bias, float *y,
                       int64_t y_row);

#endif
