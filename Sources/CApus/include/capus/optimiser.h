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

/// n parameters with their gradient, which may be f32, bf16 or f16, and what Adam remembers of
/// them.
typedef struct apus_adam_part {
    apus_adam settings;
    int64_t n;
    float *p;
    const void *g;
    apus_dtype g_type;
    float *m, *v;
    float *v_max;   // the largest v so far, which then stands in the denominator (AMSGrad), or NULL
    void *p_low;    // gets a rounded copy of p, bf16; or NULL
} apus_adam_part;

/// One step of each of some parts, all in one job.
void apus_adam_step(int64_t count, const apus_adam_part *parts);

/// SGD with momentum: g += weight_decay p; buf = momentum buf + (1 - dampening) g (first: buf = g);
/// p -= lr (nesterov ? g + momentum buf : buf). buf may be NULL: then p -= lr g.
typedef struct apus_sgd {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, first;
} apus_sgd;

void apus_sgd_step(const apus_sgd *s, int64_t n, float *p, const void *g, apus_dtype g_type,
                   float *buf);

#endif
