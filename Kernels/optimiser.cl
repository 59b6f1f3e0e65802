// Fused optimiser steps on contiguous f32 state; formulas in include/capus/optimiser.h.
//
// Geometry    global (ceil(n / VEC)), any local size; a work-item updates VEC neighbours.
// Options     G_TYPE: the gradient's dtype (f32 or bf16); VEC (4); DECOUPLED, NESTEROV, FIRST_STEP (0 or 1).
// CPU twin    cpu/optimiser.c. p_low and buffer may be NULL.

#ifndef G_TYPE
#define G_TYPE F32
#endif

// `vectors` for VEC elements from i on; the end goes one by one, as j.
#define UPDATE(vectors, scalars)                                                            \
    const long i = (long)get_global_id(0) * VEC;                                            \
    if (i + VEC <= n) {                                                                     \
        vectors                                                                             \
    } else {                                                                                \
        for (long j = i; j < n; j++) { scalars }                                            \
    }

#ifdef KERNEL_adam
#ifndef DECOUPLED
#define DECOUPLED 0
#endif
#define ADAM(F, LOADS, STORES, i)                                                           \
    F g = LOADS(G_TYPE, gradient, gradient_at + i), p = LOADS(F32, parameter, parameter_at + i); \
    if (DECOUPLED) p -= lr * weight_decay * p;                                              \
    else g += weight_decay * p;                                                             \
    const F m = beta1 * LOADS(F32, first, first_at + i) + (1 - beta1) * g;                  \
    const F v = beta2 * LOADS(F32, second, second_at + i) + (1 - beta2) * g * g;            \
    p -= lr / bias1 * m / (sqrt(v / bias2) + eps);                                          \
    STORES(F32, first, first_at + i, m);                                                    \
    STORES(F32, second, second_at + i, v);                                                  \
    STORES(F32, parameter, parameter_at + i, p);                                            \
    if (p_low) STORES(BF16, p_low, p_low_at + i, p);
__kernel void adam(const long n, OUT(F32, parameter), IN(G_TYPE, gradient), OUT(F32, first), OUT(F32, second),
                   OUT(BF16, p_low), const float lr, const float beta1, const float beta2, const float eps,
                   const float weight_decay, const float bias1, const float bias2) {
    UPDATE(ADAM(floatv, LOADV, STOREV, i), ADAM(float, LOAD, STORE, j))
}
#endif

#ifdef KERNEL_sgd
#ifndef NESTEROV
#define NESTEROV 0
#endif
#ifndef FIRST_STEP
#define FIRST_STEP 0
#endif
#define SGD(F, LOADS, STORES, i)                                                            \
    F g = LOADS(G_TYPE, gradient, gradient_at + i), p = LOADS(F32, parameter, parameter_at + i); \
    g += weight_decay * p;                                                                  \
    if (buffer) {                                                                           \
        F b = g;                                                                            \
        if (!FIRST_STEP) b = momentum * LOADS(F32, buffer, buffer_at + i) + (1 - dampening) * g; \
        STORES(F32, buffer, buffer_at + i, b);                                              \
        g = NESTEROV ? g + momentum * b : b;                                                \
    }                                                                                       \
    STORES(F32, parameter, parameter_at + i, p - lr * g);
__kernel void sgd(const long n, OUT(F32, parameter), IN(G_TYPE, gradient), OUT(F32, buffer), const float lr,
                  const float momentum, const float dampening, const float weight_decay) {
    UPDATE(SGD(floatv, LOADV, STOREV, i), SGD(float, LOAD, STORE, j))
}
#endif
