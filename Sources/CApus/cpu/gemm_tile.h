// What the store of a tile does with its sums (see gemm_tile.inc).
#ifndef GEMM_TILE_H
#define GEMM_TILE_H

#include "capus/matmul.h"

/// c = activation(alpha sums + bias) + residual, in c_type.
typedef struct gemm_epilogue {
    float alpha;
    apus_activation activation;
    apus_dtype c_type;
    int64_t residual_row;
} gemm_epilogue;

#endif
