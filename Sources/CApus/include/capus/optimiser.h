// Fused optimiser steps on contiguous f32 state.
#ifndef CAPUS_OPTIMISER_H
#define CAPUS_OPTIMISER_H

#include "base.h"

/// Adam, and AdamW if decoupled: g += l2 · p (Adam) or p -= lr · l2 · p (AdamW); m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g²;
/// p -= lr / bias1 · m / (sqrt(v / bias2) + eps), with bias = 1 - b^step. The gradient may be f32 or bf16; p_low (bf16) gets a rounded copy if not NULL.
typedef struct apus_adam { float lr, beta1, beta2, eps, weight_decay, bias1, bias2; bool decoupled; } apus_adam;
void apus_adam_step(const apus_adam *s, int64_t n, float *p, const void *g, apus_dtype g_type, float *m, float *v, void *p_low);

/// SGD with momentum: g += l2 p; buf = momentum buf + (1 - dampening) g (first: buf = g); p -= lr (nesterov ? g + momentum buf : buf). buf may be NULL.
typedef struct apus_sgd { float lr, momentum, dampening, weight_decay; bool nesterov, first; } apus_sgd;
void apus_sgd_step(const apus_sgd *s, int64_t n, float *p, const void *g, apus_dtype g_type, float *buf);

#endif
