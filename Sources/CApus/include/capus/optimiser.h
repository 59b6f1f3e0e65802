// Fused optimiser steps on contiguous f32 state.
#ifndef CAPUS_OPTIMISER_H
#define CAPUS_OPTIMISER_H

#include "base.h"

/// Adam, and AdamW if decoupled: g += weight_decay p (Adam) or p -= lr weight_decay p (AdamW);
///     m = beta1 m + (1 - beta1) g
///     v = beta2 v + (1 - beta2) g^2
///     p -= lr / bias1 m / (sqrt(v / bias2) + eps), with bias = 1 - beta^step.
typedef struct apus_adam {
    // double: 1 - beta2 must not be rounded first
    double lr, beta1, beta2, eps, weight_decay, bias1, bias2;
    bool decoupled;
} apus_adam;

/// One step of n parameters. The gradient may be f32, bf16 or f16. v_max (AMSGrad: the largest v so
/// far, which then stands in the denominator) may be NULL; p_low (bf16) gets a rounded copy of p if
/// not NULL.
void apus_adam_step(const apus_adam *s, int64_t n, float *p, const void *g, apus_dtype g_type,
                    float *m, float *v, float *v_max, void *p_low);

/// SGD with momentum: g += weight_decay p; buf = momentum buf + (1 - dampening) g (first: buf = g);
/// p -= lr (nesterov ? g + momentum buf : buf). buf may be NULL: then p -= lr g.
typedef struct apus_sgd {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, first;
} apus_sgd;

void apus_sgd_step(const apus_sgd *s, int64_t n, float *p, const void *g, apus_dtype g_type,
                   float *buf);

#endif
